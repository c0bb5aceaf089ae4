-- One GET a user, written once, with the headers of -H; sent at random, or each in turn ("each").
-- Arguments: path with one %d for the user, number of users, "random" or "each".
local requests, order, at = {}, "random", 0

function init(args)
  order = args[3]
  for user = 0, tonumber(args[2]) - 1 do
    requests[user + 1] = wrk.format("GET", string.format(args[1], user))
  end
  io.stderr:write("begins\n")
end

function request()
  at = order == "each" and at % #requests + 1 or math.random(#requests)
  return requests[at]
end

dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "report.lua")
