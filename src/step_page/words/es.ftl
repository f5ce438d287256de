# Lo que dice la página, en español.

asks = { $asking } quiere comprobar que tiene su teléfono con usted.
asks-plain = Demuestre que tiene su teléfono con usted.
number = Número de teléfono
email = Correo electrónico
transaction = Lo que confirma

title-begin = Su teléfono
title-choice = ¿Qué teléfono?
title-code = Introduzca el código
title-caller = ¿Quién llama?
title-keys = Conteste la llamada
title-link = Confirme con su teléfono
title-wait = Un momento
title-over = Este paso ha terminado
title-cancelled = Usted lo ha cancelado
title-dead-end = Esto no funciona

label-region = País o región
region-none = Escrito con +
label-phone = Número de teléfono
hint-phone = Elija el país, o empiece con + y el prefijo del país.
label-email = Correo electrónico
hint-email = Solo por si no se puede llegar al teléfono. Puede dejarlo en blanco.
label-code = { $source ->
    [call] Las { $length } cifras que dicta la llamada
    [caller_id] Las últimas { $length } cifras del número que le llama
    [email] Las { $length } cifras del correo electrónico
   *[message] Las { $length } cifras del SMS
}
hint-caller = Su teléfono sonará enseguida. No conteste: mire el número, que también aparece entre las llamadas perdidas.
picture-caller = Un teléfono que suena. Las últimas { $length } cifras del número que llama están marcadas.
hint-keys = Su teléfono sonará enseguida. Conteste y pulse estas teclas:
hint-link = Abra este enlace en el propio teléfono. Después vuelva a esta página.
hint-link-back = Abra este enlace en el navegador del propio teléfono. Le traerá de vuelta aquí.
hint-mobile-data = Funciona con datos móviles y no con wifi.
hint-operator-token = Esta vía necesita una aplicación del operador. Use otra.
hint-wait = Esta página sigue sola.
hint-secret = No diga este código a nadie, se lo pida quien se lo pida.
hint-cancelled = No se ha confirmado nada. Puede cerrar esta página.

button-start = Continuar
button-answer = Confirmar
button-link = Abrir el enlace
button-again = { $channel ->
    [sms] Enviar el SMS otra vez
    [email] Enviar el correo otra vez
    [silent_network] Intentarlo otra vez
   *[call] Llamar otra vez
}
button-restart = Empezar de nuevo
button-change = Usar otro número
button-cancel = Cancelar

missing = ¿No ha llegado nada?
offer = { $channel ->
    [voice_code] Llamarme y dictarme un código
    [flash_call] Llamarme desde un número que es el código
    [key_press] Llamarme para que pulse teclas
    [email] Enviarme un correo electrónico
    [silent_network] Preguntar a mi operador
   *[sms] Enviarme un SMS
}
moved = { $channel ->
    [voice_code] Ahora le llamamos y le dictamos un código.
    [flash_call] Ahora le llamamos desde un número que es el código.
    [key_press] Ahora le llamamos para que pulse teclas.
    [email] Le hemos enviado un correo electrónico.
    [silent_network] Ahora preguntamos a su operador.
   *[sms] Le hemos enviado un SMS.
}
attempts-left = { $count ->
    [one] Queda un intento.
   *[other] Quedan { $count } intentos.
}
again-in = { $seconds ->
    [one] Podrá pedirlo otra vez en un segundo.
   *[other] Podrá pedirlo otra vez en { $seconds } segundos.
}

notice-incorrect = El código no es correcto. Mírelo otra vez.
notice-no-code = Un código solo tiene cifras.
notice-no-email = Esa no es una dirección de correo electrónico.
notice-no-number = Esto no es un número de teléfono. Elija el país, o empiece con + y el prefijo del país.
notice-no-more-channels = No hay otra vía para contactar con usted.
notice-not-confirmed = Su operador no ha confirmado este número. Inténtelo otra vez o use otra vía.
notice-not-now = Ahora no es posible. Vea más abajo.
notice-early = Lo último está todavía en camino.
notice-again = Está otra vez en camino.
notice-denied = No es posible con este teléfono.
notice-too-many = Ha habido demasiados intentos. Inténtelo más tarde.
notice-unavailable = En este momento no podemos contactar con su teléfono. Inténtelo dentro de un rato.
notice-unreachable = No es posible contactar con este número.

dead-end-over = Esta página ha terminado o pertenece a otro navegador. Vuelva al lugar del que vino y empiece de nuevo. Necesita cookies.
dead-end-link = El enlace que le ha traído aquí no se puede usar.
dead-end-later = Ahora no es posible. Vuelva a cargar la página en un momento.
