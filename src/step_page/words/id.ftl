# Yang dikatakan halaman ini, dalam bahasa Indonesia.

asks = { $asking } ingin memastikan bahwa Anda memegang telepon Anda.
asks-plain = Tunjukkan bahwa Anda memegang telepon Anda.
number = Nomor telepon
email = Alamat email
transaction = Yang Anda konfirmasi

title-begin = Telepon Anda
title-choice = Telepon yang mana?
title-code = Masukkan kode
title-caller = Siapa yang menelepon?
title-keys = Jawab panggilan
title-link = Konfirmasi dengan telepon Anda
title-wait = Mohon tunggu
title-over = Langkah ini sudah berakhir
title-cancelled = Anda membatalkannya
title-dead-end = Ini tidak berfungsi

label-region = Negara atau wilayah
region-none = Ditulis dengan +
label-phone = Nomor telepon
hint-phone = Pilih negara, atau awali dengan + dan kode negara.
label-email = Alamat email
hint-email = Hanya jika ponsel tidak dapat dihubungi. Boleh dikosongkan.
label-code = { $source ->
    [call] { $length } angka yang dibacakan dalam panggilan
    [caller_id] { $length } angka terakhir dari nomor yang menelepon Anda
    [email] { $length } angka dalam email
   *[message] { $length } angka dalam SMS
}
hint-caller = Telepon Anda akan segera berdering. Jangan dijawab: lihat nomornya, yang juga ada di daftar panggilan tak terjawab.
picture-caller = Telepon yang berdering. { $length } angka terakhir dari nomor penelepon ditandai.
hint-keys = Telepon Anda akan segera berdering. Jawab, lalu tekan tombol berikut:
hint-link = Buka tautan ini di telepon itu sendiri. Lalu kembali ke halaman ini.
hint-link-back = Buka tautan ini di peramban telepon itu sendiri. Anda akan dibawa kembali ke sini.
hint-mobile-data = Ini berjalan lewat data seluler, bukan lewat Wi-Fi.
hint-operator-token = Cara ini memerlukan aplikasi operator. Gunakan cara lain.
hint-wait = Halaman ini akan berlanjut sendiri.
hint-secret = Jangan beri tahu kode ini kepada siapa pun yang memintanya.
hint-cancelled = Tidak ada yang dikonfirmasi. Anda boleh menutup halaman ini.

button-start = Lanjutkan
button-answer = Konfirmasi
button-link = Buka tautan
button-again = { $channel ->
    [sms] Kirim SMS lagi
    [email] Kirim email lagi
    [silent_network] Coba sekali lagi
   *[call] Telepon lagi
}
button-restart = Mulai lagi
button-change = Gunakan nomor lain
button-cancel = Batal

missing = Belum ada yang masuk?
offer = { $channel ->
    [voice_code] Telepon saya dan bacakan kode
    [flash_call] Telepon saya dari nomor yang merupakan kodenya
    [key_press] Telepon saya untuk menekan tombol
    [email] Kirimi saya email
    [silent_network] Tanyakan kepada operator saya
   *[sms] Kirimi saya SMS
}
moved = { $channel ->
    [voice_code] Kami sekarang menelepon Anda dan membacakan kode.
    [flash_call] Kami sekarang menelepon Anda dari nomor yang merupakan kodenya.
    [key_press] Kami sekarang menelepon Anda dan meminta Anda menekan tombol.
    [email] Kami telah mengirimi Anda email.
    [silent_network] Kami sekarang bertanya kepada operator Anda.
   *[sms] Kami telah mengirimi Anda SMS.
}
attempts-left = Tersisa { $count } percobaan.
again-in = Anda dapat meminta lagi dalam { $seconds } detik.

notice-incorrect = Kode itu tidak benar. Periksa sekali lagi.
notice-no-code = Kode hanya terdiri dari angka.
notice-no-email = Itu bukan alamat email.
notice-no-number = Itu bukan nomor telepon. Pilih negara, atau awali dengan + dan kode negara.
notice-no-more-channels = Tidak ada cara lain untuk menghubungi Anda.
notice-not-confirmed = Operator Anda belum mengonfirmasi nomor ini. Coba lagi, atau gunakan cara lain.
notice-not-now = Itu tidak dapat dilakukan sekarang. Lihat di bawah.
notice-early = Yang terakhir masih dalam perjalanan.
notice-again = Sudah dikirim sekali lagi.
notice-denied = Itu tidak dapat dilakukan dengan telepon ini.
notice-too-many = Terlalu banyak percobaan. Coba lagi nanti.
notice-unavailable = Telepon Anda tidak dapat dihubungi saat ini. Coba lagi sebentar lagi.
notice-unreachable = Nomor ini tidak dapat dihubungi.

dead-end-over = Halaman ini sudah berakhir, atau milik peramban lain. Kembalilah ke tempat asal Anda dan mulai lagi. Halaman ini memerlukan cookie.
dead-end-link = Tautan yang membawa Anda ke sini tidak dapat digunakan.
dead-end-later = Ini tidak dapat dilakukan sekarang. Muat ulang halaman sebentar lagi.
