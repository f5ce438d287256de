-- KEYS: the check. ARGV: prefix, now, owner, count, per.
local check = read(KEYS[1])
if not check or check.owner ~= ARGV[3] then return { REFUSED } end
local untried = check.left == check.attempts
if not on(check, 'reserve') then return { REFUSED } end
local count, per = tonumber(ARGV[4]), tonumber(ARGV[5])
local owner, number = failures_key(check.owner), failures_key(check.number)
local left = charge(owner, count, per, true)
if left > 0 then return { SPENT, left } end
-- The budget of the number does not stop the first attempt of a check.
left = charge(number, count, per, not untried)
if left > 0 then
  redis.call('RPOP', owner)
  return { SPENT, left }
end
return { MADE, write(check) }
