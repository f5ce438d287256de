-- KEYS: a failure budget. ARGV: prefix, now, per.
local recent = 0
for _, at in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  if tonumber(at) + tonumber(ARGV[3]) > now then recent = recent + 1 end
end
return recent
