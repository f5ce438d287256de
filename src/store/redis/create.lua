-- KEYS: the check, the claim, and the claim of the idempotency key if there is one.
-- ARGV: prefix, now, count, per, record, owner, number, milliseconds, claim, claim of the key or ''.
local count, per = tonumber(ARGV[3]), tonumber(ARGV[4])
local left = math.max(wait(failures_key(ARGV[6]), count, per), wait(failures_key(ARGV[7]), count, per))
if left > 0 then return { SPENT, left } end

if KEYS[3] then
  local held = holder(KEYS[3], true)
  if held then return { REFUSED, held, 1 } end
end
local held = holder(KEYS[2], false)
if held then
  -- From now on the key stands for the check that the request was answered with.
  if KEYS[3] then
    local stands_for = string.sub(held, 1, 16) .. string.sub(ARGV[10], 17, 32) .. string.sub(held, 33)
    redis.call('SET', KEYS[3], stands_for, 'PX', ARGV[8])
  end
  return { REFUSED, held, 0 }
end
redis.call('SET', KEYS[1], ARGV[5], 'PX', ARGV[8])
redis.call('SET', KEYS[2], ARGV[9], 'PX', ARGV[8])
if KEYS[3] then redis.call('SET', KEYS[3], ARGV[10], 'PX', ARGV[8]) end
return { MADE }
