# Ce que dit la page, en français.

asks = { $asking } souhaite s’assurer que vous avez votre téléphone avec vous.
asks-plain = Montrez que vous avez votre téléphone avec vous.
number = Numéro de téléphone
email = Adresse e-mail
transaction = Ce que vous confirmez

title-begin = Votre téléphone
title-choice = Quel téléphone ?
title-code = Saisissez le code
title-caller = Qui appelle ?
title-keys = Répondez à l’appel
title-link = Confirmez avec votre téléphone
title-wait = Un instant
title-over = Cette étape est terminée
title-cancelled = Vous avez annulé
title-dead-end = Cela ne fonctionne pas

label-region = Pays ou région
region-none = Écrit avec +
label-phone = Numéro de téléphone
hint-phone = Choisissez le pays, ou commencez par + et l’indicatif du pays.
label-email = Adresse e-mail
hint-email = Seulement au cas où le téléphone serait injoignable. Vous pouvez laisser ce champ vide.
label-code = { $source ->
    [call] Les { $length } chiffres que l’appel vous lit
    [caller_id] Les { $length } derniers chiffres du numéro qui vous appelle
    [email] Les { $length } chiffres de l’e-mail
   *[message] Les { $length } chiffres du SMS
}
hint-caller = Votre téléphone va sonner. Ne répondez pas : regardez le numéro, qui figure aussi parmi les appels manqués.
picture-caller = Un téléphone qui sonne. Les { $length } derniers chiffres du numéro appelant sont marqués.
hint-keys = Votre téléphone va sonner. Répondez et appuyez sur ces touches :
hint-link = Ouvrez ce lien sur le téléphone lui-même. Revenez ensuite à cette page.
hint-link-back = Ouvrez ce lien dans le navigateur du téléphone lui-même. Il vous ramène ici.
hint-mobile-data = Cela passe par les données mobiles et non par le Wi-Fi.
hint-operator-token = Cette voie demande une application de l’opérateur. Utilisez-en une autre.
hint-wait = Cette page continue d’elle-même.
hint-secret = Ne donnez ce code à personne, qui que ce soit qui le demande.
hint-cancelled = Rien n’a été confirmé. Vous pouvez fermer cette page.

button-start = Continuer
button-answer = Confirmer
button-link = Ouvrir le lien
button-again = { $channel ->
    [sms] Renvoyer le SMS
    [email] Renvoyer l’e-mail
    [silent_network] Essayer encore une fois
   *[call] Rappeler
}
button-restart = Recommencer
button-change = Utiliser un autre numéro
button-cancel = Annuler

missing = Rien n’est arrivé ?
offer = { $channel ->
    [voice_code] M’appeler et me lire un code
    [flash_call] M’appeler d’un numéro qui est le code
    [key_press] M’appeler pour que j’appuie sur des touches
    [email] M’envoyer un e-mail
    [silent_network] Demander à mon opérateur
   *[sms] M’envoyer un SMS
}
moved = { $channel ->
    [voice_code] Nous vous appelons maintenant et vous lisons un code.
    [flash_call] Nous vous appelons maintenant d’un numéro qui est le code.
    [key_press] Nous vous appelons maintenant pour que vous appuyiez sur des touches.
    [email] Nous vous avons envoyé un e-mail.
    [silent_network] Nous interrogeons maintenant votre opérateur.
   *[sms] Nous vous avons envoyé un SMS.
}
attempts-left = { $count ->
    [one] Il vous reste { $count } essai.
   *[other] Il vous reste { $count } essais.
}
again-in = { $seconds ->
    [one] Vous pourrez redemander dans { $seconds } seconde.
   *[other] Vous pourrez redemander dans { $seconds } secondes.
}

notice-incorrect = Ce code n’est pas le bon. Regardez encore une fois.
notice-no-code = Un code n’a que des chiffres.
notice-no-email = Ce n’est pas une adresse e-mail.
notice-no-number = Ce n’est pas un numéro de téléphone. Choisissez le pays, ou commencez par + et l’indicatif du pays.
notice-no-more-channels = Il n’y a pas d’autre moyen de vous joindre.
notice-not-confirmed = Votre opérateur n’a pas confirmé ce numéro. Essayez encore une fois, ou utilisez une autre voie.
notice-not-now = C’est impossible maintenant. Voyez plus bas.
notice-early = Le dernier envoi est encore en route.
notice-again = C’est de nouveau en route.
notice-denied = C’est impossible avec ce téléphone.
notice-too-many = Il y a eu trop d’essais. Réessayez plus tard.
notice-unavailable = Votre téléphone ne peut pas être joint pour l’instant. Réessayez dans un moment.
notice-unreachable = Ce numéro ne peut pas être joint.

dead-end-over = Cette page est terminée ou appartient à un autre navigateur. Retournez d’où vous venez et recommencez. Elle a besoin de cookies.
dead-end-link = Le lien qui vous a amené ici n’est pas utilisable.
dead-end-later = C’est impossible pour l’instant. Rechargez la page dans un moment.
