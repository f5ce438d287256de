// Whose handset it may be. No real call is made, so that any number will do.

/** `over` is how their phone is in the internet: a silent check needs `mobile_data`. */
export const PEOPLE = [
  { name: "Ada, Latvia", number: "+37126123456", email: "ada@example.com", over: "mobile_data" },
  { name: "Budi, Indonesia", number: "+6281234567890", email: "budi@example.com", over: "mobile_data" },
  { name: "Carmen, Spain", number: "+34612345678", email: "carmen@example.com", over: "mobile_data" },
  { name: "Dieter, Germany, at home on Wi-Fi", number: "+4915123456789", email: "dieter@example.com", over: "wifi" },
  { name: "Edith, Britain, a landline", number: "+442079460958", email: "edith@example.com", over: "wifi" },
  { name: "A premium-rate number", number: "+37190000000", email: "dear@example.com", over: "mobile_data" },
  { name: "Somebody else", number: "", email: "", over: "mobile_data" },
];
