# O que a página diz, em português.

asks = { $asking } quer confirmar que você está com seu telefone.
asks-plain = Mostre que você está com seu telefone.
number = Número de telefone
email = Endereço de e-mail
transaction = O que você confirma

title-begin = Seu telefone
title-choice = Qual telefone?
title-code = Digite o código
title-caller = Quem está ligando?
title-keys = Atenda a ligação
title-link = Confirme com seu telefone
title-wait = Um momento
title-over = Esta etapa terminou
title-cancelled = Você cancelou
title-dead-end = Isto não funciona

label-region = País ou região
region-none = Escrito com +
label-phone = Número de telefone
hint-phone = Escolha o país, ou comece com + e o código do país.
label-email = Endereço de e-mail
hint-email = Só para o caso de não ser possível contactar o telefone. Pode deixar em branco.
label-code = { $source ->
    [call] Os { $length } dígitos que a ligação dita
    [caller_id] Os últimos { $length } dígitos do número que liga para você
    [email] Os { $length } dígitos do e-mail
   *[message] Os { $length } dígitos do SMS
}
hint-caller = Seu telefone vai tocar em instantes. Não atenda: olhe o número, que também aparece entre as chamadas perdidas.
picture-caller = Um telefone tocando. Os últimos { $length } dígitos do número que liga estão marcados.
hint-keys = Seu telefone vai tocar em instantes. Atenda e pressione estas teclas:
hint-link = Abra este link no próprio telefone. Depois volte a esta página.
hint-link-back = Abra este link no navegador do próprio telefone. Ele traz você de volta para cá.
hint-mobile-data = Funciona com dados móveis e não com Wi-Fi.
hint-operator-token = Este caminho precisa de um aplicativo da operadora. Use outro.
hint-wait = Esta página continua sozinha.
hint-secret = Não diga este código a ninguém, seja quem for que o peça.
hint-cancelled = Nada foi confirmado. Você pode fechar esta página.

button-start = Continuar
button-answer = Confirmar
button-link = Abrir o link
button-again = { $channel ->
    [sms] Enviar o SMS outra vez
    [email] Enviar o e-mail outra vez
    [silent_network] Tentar outra vez
   *[call] Ligar outra vez
}
button-restart = Começar de novo
button-change = Usar outro número
button-cancel = Cancelar

missing = Não chegou nada?
offer = { $channel ->
    [voice_code] Ligar para mim e ditar um código
    [flash_call] Ligar para mim de um número que é o código
    [key_press] Ligar para mim para eu pressionar teclas
    [email] Enviar um e-mail para mim
    [silent_network] Perguntar à minha operadora
   *[sms] Enviar um SMS para mim
}
moved = { $channel ->
    [voice_code] Estamos ligando para você e vamos ditar um código.
    [flash_call] Estamos ligando para você de um número que é o código.
    [key_press] Estamos ligando para você e vamos pedir que pressione teclas.
    [email] Enviamos um e-mail para você.
    [silent_network] Estamos perguntando à sua operadora.
   *[sms] Enviamos um SMS para você.
}
attempts-left = { $count ->
    [one] Resta { $count } tentativa.
   *[other] Restam { $count } tentativas.
}
again-in = { $seconds ->
    [one] Você poderá pedir outra vez em { $seconds } segundo.
   *[other] Você poderá pedir outra vez em { $seconds } segundos.
}

notice-incorrect = O código não está certo. Olhe outra vez.
notice-no-code = Um código tem apenas dígitos.
notice-no-email = Isso não é um endereço de e-mail.
notice-no-number = Isto não é um número de telefone. Escolha o país, ou comece com + e o código do país.
notice-no-more-channels = Não há outro meio de falar com você.
notice-not-confirmed = Sua operadora não confirmou este número. Tente outra vez, ou use outro caminho.
notice-not-now = Isto não pode ser feito agora. Veja abaixo.
notice-early = O último envio ainda está a caminho.
notice-again = Está a caminho outra vez.
notice-denied = Isto não é possível com este telefone.
notice-too-many = Houve tentativas demais. Tente mais tarde.
notice-unavailable = Não é possível contatar seu telefone agora. Tente daqui a pouco.
notice-unreachable = Não é possível contatar este número.

dead-end-over = Esta página terminou, ou pertence a outro navegador. Volte ao lugar de onde veio e comece de novo. Ela precisa de cookies.
dead-end-link = O link que trouxe você até aqui não pode ser usado.
dead-end-later = Isto não pode ser feito agora. Recarregue a página daqui a pouco.
