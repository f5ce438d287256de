-- What the scripts share: a record, its life, failure budgets and claims. Times are microseconds since 1970, as the caller tells
-- them; the server's own clock ends keys and decides nothing.
--
-- `on` is the twin of `State::on` in Rust, and the layout that of `Record::to_bytes`.

local prefix, now = ARGV[1], tonumber(ARGV[2])

local FORMAT = 1
local GRACE = 60000000
local LAYOUT = '>BBBBBBBI4I8I8I8'
local PENDING, VERIFIED, FAILED, EXPIRED, CANCELLED = 0, 1, 2, 3, 4
-- Budgets outlive their window by an hour of the server's, so that clocks which differ forget no failure.
local MARGIN = 3600000

local function hex(bytes)
  return (string.gsub(bytes, '.', function(byte) return string.format('%02x', string.byte(byte)) end))
end

local function check_key(id) return prefix .. 'check:{' .. hex(id) .. '}' end
local function failures_key(digest) return prefix .. 'failures:{' .. hex(digest) .. '}' end

local function bit(flags, value) return math.floor(flags / value) % 2 == 1 end

-- The record of a check; nil when there is none, or its time ran out a while ago.
local function read(key)
  local raw = redis.call('GET', key)
  if not raw then return nil end
  local format = string.byte(raw, 1)
  if format ~= FORMAT then error('handset: a record of format ' .. format) end
  local _, status, flags, leg, attempts, left, flying, version, sent, settled, expires, at = struct.unpack(LAYOUT, raw)
  if expires + GRACE <= now then return nil end
  return {
    key = key, status = status, sending = bit(flags, 1), given = bit(flags, 2), was_sent = bit(flags, 4),
    is_settled = bit(flags, 8), leg = leg, attempts = attempts, left = left, flying = flying, version = version,
    sent = sent, settled = settled, expires = expires,
    owner = string.sub(raw, at, at + 15), number = string.sub(raw, at + 16, at + 31),
    context = string.sub(raw, at + 32, at + 47), judge = string.sub(raw, at + 48, at + 96),
    sealed = string.sub(raw, at + 97),
  }
end

-- Writes a record, keeps its end, and tells who waits for it.
local function write(check)
  local flags = (check.sending and 1 or 0) + (check.given and 2 or 0) + (check.was_sent and 4 or 0)
    + (check.is_settled and 8 or 0)
  local raw = struct.pack(LAYOUT, FORMAT, check.status, flags, check.leg, check.attempts, check.left, check.flying,
    check.version, check.sent, check.settled, check.expires)
    .. check.owner .. check.number .. check.context .. check.judge .. check.sealed
  redis.call('SET', check.key, raw, 'KEEPTTL')
  redis.call('PUBLISH', check.key, check.version)
  return raw
end

local function status_at(check)
  if check.status == PENDING and now >= check.expires then return EXPIRED end
  return check.status
end

local function ended(check, status)
  check.status, check.sending, check.settled, check.is_settled = status, false, now, true
end

-- Lets something happen to a check. False when it cannot happen to a check in this state; then nothing was changed.
local function on(check, event, detail)
  if event == 'give' then
    if check.status ~= VERIFIED or check.given then return false end
    check.given = true
  elseif status_at(check) ~= PENDING then
    return false
  elseif event == 'reserve' then
    if not check.was_sent or check.left == 0 then return false end
    check.left, check.flying = check.left - 1, check.flying + 1
  elseif event == 'match' then
    if check.flying == 0 then return false end
    check.flying, check.given = check.flying - 1, detail == 1
    ended(check, VERIFIED)
  elseif event == 'miss' then
    if check.flying == 0 then return false end
    check.flying = check.flying - 1
    if check.left == 0 and check.flying == 0 then ended(check, FAILED) end
  elseif event == 'refund' then
    if check.flying == 0 then return false end
    check.left, check.flying = check.left + 1, check.flying - 1
  elseif event == 'leave' then
    if detail ~= check.leg or check.sending or check.leg == 255 then return false end
    check.leg, check.sending = check.leg + 1, true
  elseif event == 'sent' then
    if detail ~= check.leg or not check.sending then return false end
    check.sending, check.sent, check.was_sent = false, now, true
  elseif event == 'not sent' then
    if detail ~= check.leg or not check.sending then return false end
    if check.was_sent then check.sending = false else ended(check, FAILED) end
  elseif event == 'cancel' then
    ended(check, CANCELLED)
  else
    error('handset: no event ' .. event)
  end
  check.version = (check.version + 1) % 4294967296
  return true
end

-- How long until one more failure fits a budget; 0 when it fits now.
local function wait(key, count, per)
  local length = redis.call('LLEN', key)
  if length < count then return 0 end
  return math.max(0, tonumber(redis.call('LINDEX', key, length - count)) + per - now)
end

-- Adds a failure to a budget, unless it is spent and that is enforced. How long to wait in that case.
local function charge(key, count, per, enforce)
  local left = wait(key, count, per)
  if left > 0 and enforce then return left end
  redis.call('RPUSH', key, ARGV[2])
  -- A first attempt is charged to a number whose budget is spent. What that pushes out of the count is there again when the attempt
  -- is refunded.
  redis.call('LTRIM', key, -2 * count, -1)
  redis.call('PEXPIRE', key, math.ceil(per / 1000) + MARGIN)
  return 0
end

-- The claim on a name, when it counts. An idempotency key is held as long as its check is remembered, others while it is pending.
local function holder(key, keyed)
  local claim = redis.call('GET', key)
  if not claim or struct.unpack('>I8', claim, 33) <= now then return nil end
  local check = read(check_key(string.sub(claim, 1, 16)))
  if check and (keyed or status_at(check) == PENDING) then return claim end
  return nil
end

local MADE, REFUSED, SPENT = 0, 1, 2

