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

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"bytes":%d,"failed":%d,"p50_ms":%.3f,"p99_ms":%.3f}\n',
    summary.requests, summary.duration / 1e6, summary.bytes, failed,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
