-- Of a cluster, where a step touches one slot. KEYS: a failure budget. ARGV: prefix, now, count, per, `wait`, `charge` or `enforce`.
local count, per = tonumber(ARGV[3]), tonumber(ARGV[4])
if ARGV[5] == 'wait' then return wait(KEYS[1], count, per) end
return charge(KEYS[1], count, per, ARGV[5] == 'enforce')
