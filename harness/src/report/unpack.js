// Columns of numbers as pack.rs writes them.

const bytesOf = (text) => {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const raw = atob(text);
  const out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
  return out;
};

// Sums of zigzag varints, each divided by `unit`.
const deltas = (text, unit = 1) => {
  const bytes = bytesOf(text);
  let n = 0;
  for (let i = 0; i < bytes.length; i++) if (bytes[i] < 128) n++;
  const out = new Float64Array(n);
  let at = 0;
  let sum = 0;
  for (let k = 0; k < n; k++) {
    let value = 0;
    let scale = 1;
    let byte;
    do {
      byte = bytes[at++];
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte > 127);
    sum += value % 2 ? -(value + 1) / 2 : value / 2;
    out[k] = sum / unit;
  }
  return out;
};

// 0 and 1 by turns.
const alternating = (n, first) => {
  const out = new Uint8Array(n);
  for (let i = 1 - first; i < n; i += 2) out[i] = 1;
  return out;
};

// Unpack a field when it is read for the first time.
const lazily = (object, name, unpack) => {
  const packed = object[name];
  const get = () => {
    const value = unpack(packed);
    Object.defineProperty(object, name, { value });
    return value;
  };
  Object.defineProperty(object, name, { get, configurable: true, enumerable: true });
};

const doubles = (text) => {
  const bytes = bytesOf(text);
  return new Float64Array(bytes.buffer, 0, bytes.length / 8);
};

