-- Requests as they were recorded, each in turn. Arguments: the file with their bytes, the file with their lengths.
local requests, at = {}, 0

function init(args)
  local bytes = io.open(args[1], "rb")
  for length in io.lines(args[2]) do
    requests[#requests + 1] = bytes:read(tonumber(length))
  end
  at = math.random(#requests)
  io.stderr:write("begins\n")
end

function request()
  at = at % #requests + 1
  return requests[at]
end

dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "report.lua")
