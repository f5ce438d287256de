# What the step page says, in English. The other files have the same messages with the same variables.

asks = { $asking } wants to make sure that you have your phone with you.
asks-plain = Show that you have your phone with you.
number = Phone number
email = E-mail address
transaction = What you confirm

title-begin = Your phone
title-choice = Which phone?
title-code = Enter the code
title-caller = Who is calling?
title-keys = Answer the call
title-link = Confirm with your phone
title-wait = One moment
title-over = This step is over
title-cancelled = You called it off
title-dead-end = This does not work

label-region = Country or region
region-none = Written with +
label-phone = Phone number
hint-phone = Choose the country, or begin with + and the country code.
label-email = E-mail address
hint-email = Only for when the phone cannot be reached. You may leave it out.
label-code = { $source ->
    [call] The { $length } digits that the call reads out
    [caller_id] The last { $length } digits of the number that calls you
    [email] The { $length } digits of the e-mail
   *[message] The { $length } digits of the text message
}
hint-caller = Your phone rings in a moment. Do not answer: look at the number, which is also among your missed calls.
picture-caller = A phone that rings. The last { $length } digits of the caller’s number are marked.
hint-keys = Your phone rings in a moment. Answer, and press these keys:
hint-link = Open this link on the phone itself. Then come back to this page.
hint-link-back = Open this link in the browser of the phone itself. It brings you back here.
hint-mobile-data = It works over mobile data and not over Wi-Fi.
hint-operator-token = This way needs an app of the operator. Use another one.
hint-wait = This page goes on by itself.
hint-secret = Tell this code to nobody, whoever asks for it.
hint-cancelled = Nothing was confirmed. You may close this page.

button-start = Continue
button-answer = Confirm
button-link = Open the link
button-again = { $channel ->
    [sms] Send the message again
    [email] Send the e-mail again
    [silent_network] Try once more
   *[call] Call again
}
button-restart = Start again
button-change = Use another number
button-cancel = Cancel

missing = Nothing has come?
offer = { $channel ->
    [voice_code] Call me and read a code out
    [flash_call] Call me from a number that is the code
    [key_press] Call me and have me press keys
    [email] Send me an e-mail
    [silent_network] Ask my operator
   *[sms] Send me a text message
}
moved = { $channel ->
    [voice_code] We call you now and read a code out.
    [flash_call] We call you now from a number that is the code.
    [key_press] We call you now and ask you to press keys.
    [email] We have sent you an e-mail.
    [silent_network] We ask your operator now.
   *[sms] We have sent you a text message.
}
attempts-left = { $count ->
    [one] One attempt is left.
   *[other] { $count } attempts are left.
}
again-in = { $seconds ->
    [one] You can ask again in one second.
   *[other] You can ask again in { $seconds } seconds.
}

notice-incorrect = That code is not right. Look again.
notice-no-code = A code has digits only.
notice-no-email = That is no e-mail address.
notice-no-number = That is no phone number. Choose the country, or begin with + and the country code.
notice-no-more-channels = There is no other way to reach you.
notice-not-confirmed = Your operator has not confirmed this number. Try again, or use another way.
notice-not-now = That cannot be done now. See below.
notice-early = The last one is still on its way.
notice-again = It is on its way once more.
notice-denied = This is not possible with this phone.
notice-too-many = There were too many attempts. Try again later.
notice-unavailable = Your phone cannot be reached right now. Try again in a while.
notice-unreachable = This number cannot be reached.

dead-end-over = This page is over, or belongs to another browser. Go back to where you came from and begin again. It needs cookies.
dead-end-link = The link that brought you here cannot be used.
dead-end-later = This cannot be done right now. Load the page again in a moment.
