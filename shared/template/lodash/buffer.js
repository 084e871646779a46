// The library's Buffer knows few encodings, by one spelling each, and takes others for UTF-8. Node knows them in any case, and three of
// single bytes besides.
(function (Buffer) {
  const library = { utf8: 'utf8', 'utf-8': 'utf8', hex: 'hex', base64: 'base64', base64url: 'base64Url' };
  const bytes = { latin1: 0xff, binary: 0xff, ascii: 0x7f }; // which bits of a byte become a character
  const named = function (encoding) {
    const name = String(encoding).toLowerCase();
    if (!(name in library) && !(name in bytes)) throw new TypeError('unknown encoding');
    return name;
  };
  const from = Buffer.from, toString = Buffer.prototype.toString;
  Buffer.from = function (value, encoding) {
    if (typeof value !== 'string' || encoding === undefined) return from.apply(Buffer, arguments);
    const name = named(encoding);
    if (name in library) return from.call(Buffer, value, library[name]);
    return from.call(Buffer, Array.from({ length: value.length }, function (_, i) { return value.charCodeAt(i) & 0xff; }));
  };
  Buffer.prototype.toString = function (encoding, start, end) {
    if (encoding === undefined) return toString.apply(this, arguments);
    const name = named(encoding);
    if (name in library) return toString.call(this, library[name], start, end);
    return Array.from(this.slice(start, end), function (byte) { return String.fromCharCode(byte & bytes[name]); }).join('');
  };
  return Buffer;
})
