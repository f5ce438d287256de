# Co mówi strona, po polsku.

asks = { $asking } prosi o potwierdzenie, że masz swój telefon przy sobie.
asks-plain = Potwierdź, że masz swój telefon przy sobie.
number = Numer telefonu
email = Adres e-mail
transaction = Potwierdzana operacja

title-begin = Twój telefon
title-choice = Który telefon?
title-code = Wpisz kod
title-caller = Kto dzwoni?
title-keys = Odbierz połączenie
title-link = Potwierdź telefonem
title-wait = Chwileczkę
title-over = Ten krok się zakończył
title-cancelled = Anulowano
title-dead-end = To nie działa

label-region = Kraj lub region
region-none = Numer zaczyna się od +
label-phone = Numer telefonu
hint-phone = Wybierz kraj albo zacznij od + i numeru kierunkowego kraju.
label-email = Adres e-mail
hint-email = Tylko na wypadek, gdyby telefon był nieosiągalny. Możesz zostawić to pole puste.
label-code = { $source ->
    [call] { $length }-cyfrowy kod podany w rozmowie
    [caller_id] { $length ->
        [one] Ostatnia cyfra numeru, który dzwoni
        [few] Ostatnie { $length } cyfry numeru, który dzwoni
       *[other] Ostatnie { $length } cyfr numeru, który dzwoni
    }
    [email] { $length }-cyfrowy kod z e-maila
   *[message] { $length }-cyfrowy kod z SMS-a
}
hint-caller = Za chwilę zadzwoni telefon. Nie odbieraj: spójrz na numer, który będzie też wśród nieodebranych połączeń.
picture-caller = Dzwoniący telefon. Zaznaczony jest koniec numeru, który dzwoni (liczba cyfr: { $length }).
hint-keys = Za chwilę zadzwoni telefon. Odbierz i naciśnij te klawisze:
hint-link = Otwórz ten link na samym telefonie. Potem wróć na tę stronę.
hint-link-back = Otwórz ten link w przeglądarce samego telefonu. Sprowadzi Cię tu z powrotem.
hint-mobile-data = Działa przez komórkową transmisję danych, a nie przez Wi-Fi.
hint-operator-token = Ten sposób wymaga aplikacji operatora. Wybierz inny.
hint-wait = Ta strona sama przejdzie dalej.
hint-secret = Nie podawaj tego kodu nikomu, niezależnie od tego, kto o niego prosi.
hint-cancelled = Nic nie zostało potwierdzone. Możesz zamknąć tę stronę.

button-start = Dalej
button-answer = Potwierdź
button-link = Otwórz link
button-again = { $channel ->
    [sms] Wyślij SMS jeszcze raz
    [email] Wyślij e-mail jeszcze raz
    [silent_network] Spróbuj jeszcze raz
   *[call] Zadzwoń jeszcze raz
}
button-restart = Zacznij od nowa
button-change = Użyj innego numeru
button-cancel = Anuluj

missing = Nic nie przyszło?
offer = { $channel ->
    [voice_code] Zadzwońcie i podajcie kod
    [flash_call] Zadzwońcie z numeru, który jest kodem
    [key_press] Zadzwońcie, a nacisnę klawisze
    [email] Wyślijcie e-mail
    [silent_network] Zapytajcie mojego operatora
   *[sms] Wyślijcie SMS
}
moved = { $channel ->
    [voice_code] Dzwonimy teraz i podajemy kod.
    [flash_call] Dzwonimy teraz z numeru, który jest kodem.
    [key_press] Dzwonimy teraz i prosimy o naciśnięcie klawiszy.
    [email] Wysłaliśmy e-mail.
    [silent_network] Pytamy teraz Twojego operatora.
   *[sms] Wysłaliśmy SMS.
}
attempts-left = { $count ->
    [one] Została jedna próba.
    [few] Zostały { $count } próby.
   *[many] Zostało { $count } prób.
}
again-in = { $seconds ->
    [one] Ponowić można za sekundę.
    [few] Ponowić można za { $seconds } sekundy.
   *[many] Ponowić można za { $seconds } sekund.
}

notice-incorrect = Ten kod jest niepoprawny. Spójrz jeszcze raz.
notice-no-code = Kod składa się tylko z cyfr.
notice-no-email = To nie jest adres e-mail.
notice-no-number = To nie jest numer telefonu. Wybierz kraj albo zacznij od + i numeru kierunkowego kraju.
notice-no-more-channels = Nie ma innego sposobu, aby się z Tobą skontaktować.
notice-not-confirmed = Operator nie potwierdził tego numeru. Spróbuj jeszcze raz albo wybierz inny sposób.
notice-not-now = Teraz nie można tego zrobić. Zobacz poniżej.
notice-early = Poprzednia próba jest jeszcze w drodze.
notice-again = Jest znowu w drodze.
notice-denied = Z tym telefonem nie jest to możliwe.
notice-too-many = Było zbyt wiele prób. Spróbuj później.
notice-unavailable = W tej chwili nie można połączyć się z Twoim telefonem. Spróbuj za jakiś czas.
notice-unreachable = Z tym numerem nie można się połączyć.

dead-end-over = Ta strona się zakończyła albo należy do innej przeglądarki. Wróć tam, skąd Cię tu przysłano, i zacznij od nowa. Strona potrzebuje plików cookie.
dead-end-link = Link, który Cię tu przywiódł, jest nieprawidłowy.
dead-end-later = Teraz nie można tego zrobić. Za chwilę załaduj stronę ponownie.
