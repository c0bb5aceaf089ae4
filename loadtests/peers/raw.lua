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

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"bytes":%d,"failed":%d,"p50_ms":%.3f,"p99_ms":%.3f}\n',
    summary.requests, summary.duration / 1e6, summary.bytes, failed,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
