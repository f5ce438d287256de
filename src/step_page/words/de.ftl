# Was die Seite sagt, auf Deutsch.

asks = { $asking } möchte sichergehen, dass Sie Ihr Telefon bei sich haben.
asks-plain = Zeigen Sie, dass Sie Ihr Telefon bei sich haben.
number = Telefonnummer
email = E-Mail-Adresse
transaction = Das bestätigen Sie

title-begin = Ihr Telefon
title-choice = Welches Telefon?
title-code = Code eingeben
title-caller = Wer ruft an?
title-keys = Nehmen Sie den Anruf an
title-link = Mit Ihrem Telefon bestätigen
title-wait = Einen Moment bitte
title-over = Dieser Schritt ist beendet
title-cancelled = Sie haben abgebrochen
title-dead-end = Das funktioniert so nicht

label-region = Land oder Region
region-none = Mit + geschrieben
label-phone = Telefonnummer
hint-phone = Wählen Sie das Land, oder beginnen Sie mit + und der Landesvorwahl.
label-email = E-Mail-Adresse
hint-email = Nur für den Fall, dass das Telefon nicht zu erreichen ist. Sie können das Feld leer lassen.
label-code = { $source ->
    [call] Die { $length } Ziffern, die der Anruf vorliest
    [caller_id] Die letzten { $length } Ziffern der Nummer, die Sie anruft
    [email] Die { $length } Ziffern aus der E-Mail
   *[message] Die { $length } Ziffern aus der SMS
}
hint-caller = Gleich klingelt Ihr Telefon. Nehmen Sie nicht ab: Sehen Sie auf die Nummer. Sie steht auch bei den verpassten Anrufen.
picture-caller = Ein Telefon, das klingelt. Die letzten { $length } Ziffern der anrufenden Nummer sind markiert.
hint-keys = Gleich klingelt Ihr Telefon. Nehmen Sie ab und drücken Sie diese Tasten:
hint-link = Öffnen Sie diesen Link auf dem Telefon selbst. Kehren Sie dann zu dieser Seite zurück.
hint-link-back = Öffnen Sie diesen Link im Browser des Telefons selbst. Er führt Sie hierher zurück.
hint-mobile-data = Das geht über mobile Daten und nicht über WLAN.
hint-operator-token = Dieser Weg braucht eine App des Netzbetreibers. Nehmen Sie einen anderen.
hint-wait = Diese Seite geht von selbst weiter.
hint-secret = Sagen Sie diesen Code niemandem, wer auch immer danach fragt.
hint-cancelled = Es wurde nichts bestätigt. Sie können diese Seite schließen.

button-start = Weiter
button-answer = Bestätigen
button-link = Link öffnen
button-again = { $channel ->
    [sms] SMS noch einmal senden
    [email] E-Mail noch einmal senden
    [silent_network] Noch einmal versuchen
   *[call] Noch einmal anrufen
}
button-restart = Neu beginnen
button-change = Eine andere Nummer nehmen
button-cancel = Abbrechen

missing = Ist nichts angekommen?
offer = { $channel ->
    [voice_code] Anrufen und einen Code vorlesen
    [flash_call] Von einer Nummer anrufen, die der Code ist
    [key_press] Anrufen und Tasten drücken lassen
    [email] Eine E-Mail senden
    [silent_network] Meinen Netzbetreiber fragen
   *[sms] Eine SMS senden
}
moved = { $channel ->
    [voice_code] Wir rufen Sie jetzt an und lesen einen Code vor.
    [flash_call] Wir rufen Sie jetzt von einer Nummer an, die der Code ist.
    [key_press] Wir rufen Sie jetzt an und bitten Sie, Tasten zu drücken.
    [email] Wir haben Ihnen eine E-Mail gesendet.
    [silent_network] Wir fragen jetzt Ihren Netzbetreiber.
   *[sms] Wir haben Ihnen eine SMS gesendet.
}
attempts-left = { $count ->
    [one] Sie haben noch einen Versuch.
   *[other] Sie haben noch { $count } Versuche.
}
again-in = { $seconds ->
    [one] In einer Sekunde geht es noch einmal.
   *[other] In { $seconds } Sekunden geht es noch einmal.
}

notice-incorrect = Der Code stimmt nicht. Sehen Sie noch einmal nach.
notice-no-code = Ein Code besteht nur aus Ziffern.
notice-no-email = Das ist keine E-Mail-Adresse.
notice-no-number = Das ist keine Telefonnummer. Wählen Sie das Land, oder beginnen Sie mit + und der Landesvorwahl.
notice-no-more-channels = Es gibt keinen anderen Weg, Sie zu erreichen.
notice-not-confirmed = Ihr Netzbetreiber hat diese Nummer nicht bestätigt. Versuchen Sie es noch einmal, oder nehmen Sie einen anderen Weg.
notice-not-now = Das geht jetzt nicht. Sehen Sie unten nach.
notice-early = Das Letzte ist noch unterwegs.
notice-again = Es ist noch einmal unterwegs.
notice-denied = Mit diesem Telefon geht das nicht.
notice-too-many = Das waren zu viele Versuche. Versuchen Sie es später noch einmal.
notice-unavailable = Ihr Telefon ist gerade nicht erreichbar. Versuchen Sie es in einer Weile noch einmal.
notice-unreachable = Diese Nummer ist nicht erreichbar.

dead-end-over = Diese Seite ist beendet oder gehört zu einem anderen Browser. Gehen Sie dorthin zurück, woher Sie kamen, und beginnen Sie neu. Die Seite braucht Cookies.
dead-end-link = Der Link, der Sie hierher geführt hat, ist nicht brauchbar.
dead-end-later = Das geht gerade nicht. Laden Sie die Seite gleich noch einmal.
