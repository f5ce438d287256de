-- KEYS: a failure budget. ARGV: prefix, now, count, per.
local recent = 0
for _, at in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  if tonumber(at) + tonumber(ARGV[4]) > now then recent = recent + 1 end
end
return math.min(recent, tonumber(ARGV[3]))
