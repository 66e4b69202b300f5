// The numbers of latentart in JavaScript: NumPy's legacy generator, curves between latents, easing. Used in the page.
// Sources: Matsumoto and Nishimura 1998 (MT19937, mt19937ar), NumPy's RandomState, Shoemake 1985 (slerp).

export const LARGEST = 2 ** 32 - 1;

/** NumPy's RandomState(seed): an integer, or a list of integers. */
export class RandomState {
  constructor(seed) {
    this.state = new Uint32Array(624);
    this.next = 624;
    this.kept = null;
    if (Array.isArray(seed)) this._byArray(seed);
    else this._by(seed);
  }

  _by(seed) {
    const s = this.state;
    s[0] = seed >>> 0;
    for (let i = 1; i < 624; i++) s[i] = Math.imul(1812433253, s[i - 1] ^ (s[i - 1] >>> 30)) + i;
  }

  _byArray(key) {
    this._by(19650218);
    const s = this.state;
    let i = 1, j = 0;
    const turn = () => { if (++i >= 624) [s[0], i] = [s[623], 1]; };
    for (let k = Math.max(624, key.length); k; k--) {
      s[i] = (s[i] ^ Math.imul(s[i - 1] ^ (s[i - 1] >>> 30), 1664525)) + (key[j] >>> 0) + j;
      turn();
      if (++j >= key.length) j = 0;
    }
    for (let k = 623; k; k--) {
      s[i] = (s[i] ^ Math.imul(s[i - 1] ^ (s[i - 1] >>> 30), 1566083941)) - i;
      turn();
    }
    s[0] = 0x80000000;
  }

  /** 32 random bits. */
  bits() {
    if (this.next >= 624) this._generate();
    let y = this.state[this.next++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  _generate() {
    const s = this.state;
    for (let i = 0; i < 624; i++) {
      const y = (s[i] & 0x80000000) | (s[(i + 1) % 624] & 0x7fffffff);
      s[i] = s[(i + 397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.next = 0;
  }

  /** Uniform in [0, 1), 53 bits. */
  double() {
    const high = this.bits() >>> 5, low = this.bits() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** Standard normal: Marsaglia's polar method, two at a time, as `randn` has it. */
  gauss() {
    if (this.kept !== null) {
      const found = this.kept;
      this.kept = null;
      return found;
    }
    let x, y, r;
    do {
      x = 2 * this.double() - 1;
      y = 2 * this.double() - 1;
      r = x * x + y * y;
    } while (r >= 1 || r === 0);
    const f = Math.sqrt((-2 * Math.log(r)) / r);
    this.kept = f * x;
    return f * y;
  }

  /** `randn(count)`. */
  normals(count) {
    return Float64Array.from({ length: count }, () => this.gauss());
  }
}

/** z of a seed, [length] float64: RandomState(seed).randn(1, length). Equal to Python's in the float32 that models take. */
export const zOf = (seed, length) => new RandomState(seed).normals(length);

const quad = (t) => (t < 0.5 ? 2 * t * t : 1 - 2 * (1 - t) ** 2);
const cubic = (t) => (t < 0.5 ? 4 * t ** 3 : 1 - 4 * (1 - t) ** 3);

/** Timing curves by the names of latentart.latent.easing: t in 0..1 -> progress. */
export const EASINGS = {
  linear: (t) => t,
  smooth: (t) => t * t * (3 - 2 * t),
  smoother: (t) => t ** 3 * (10 + t * (6 * t - 15)),
  sine: (t) => (1 - Math.cos(Math.PI * t)) / 2,
  quad,
  cubic,
  in: (t) => t ** 2,
  out: (t) => 1 - (1 - t) ** 2,
  hold: () => 0,
};

/** a + (b - a) t. */
export const lerp = (a, b, t) => a.map((x, i) => x + (b[i] - x) * t);

/** Great circle between the directions of two vectors, lengths blended evenly; straight where they are parallel. */
export function slerp(a, b, t) {
  const [lengthA, lengthB] = [norm(a), norm(b)];
  const [oneA, oneB] = [lengthA, lengthB].map((length) => Math.max(length, 2.2250738585072014e-308));
  let cosine = 0;
  for (let i = 0; i < a.length; i++) cosine += (a[i] / oneA) * (b[i] / oneB);
  const angle = Math.acos(Math.min(Math.max(cosine, -1), 1));
  const sine = Math.sin(angle);
  if (sine < 1e-6) return lerp(a, b, t);
  const length = lengthA + (lengthB - lengthA) * t;
  const [here, there] = [Math.sin((1 - t) * angle) / sine, Math.sin(t * angle) / sine];
  return a.map((x, i) => ((x / oneA) * here + (b[i] / oneB) * there) * length);
}

/** Euclidean length of a vector. */
export const norm = (a) => Math.sqrt(dot(a, a));

/** Sum of products. */
export function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** A closed loop through keys (K vectors): u in 0..1 -> vector, key k at u = k/K. interp: linear, slerp or cubic. */
export function loop(keys, interp = "cubic", ease = EASINGS.linear) {
  const count = keys.length;
  const slopes = interp === "cubic" ? slopesOf(keys) : null;
  return (u) => {
    const place = (u - Math.floor(u)) * count;
    const leg = Math.min(Math.floor(place), count - 1);
    const t = ease(place - leg);
    const [here, there] = [keys[leg], keys[(leg + 1) % count]];
    if (interp === "slerp") return slerp(here, there, t);
    return slopes ? hermite(here, there, slopes[leg], slopes[(leg + 1) % count], t) : lerp(here, there, t);
  };
}

/** Slopes of the periodic cubic spline: s[i-1] + 4 s[i] + s[i+1] = 3 (y[i+1] - y[i-1]), solved in closed form. */
function slopesOf(keys) {
  const count = keys.length;
  const root = Math.sqrt(3) - 2;
  const weight = (d) => (root ** d + root ** (count - d)) / (2 * Math.sqrt(3) * (1 - root ** count));
  const weights = keys.map((_, d) => weight(d));
  const rises = keys.map((_, i) => {
    const [next, last] = [keys[(i + 1) % count], keys[(i + count - 1) % count]];
    return next.map((x, j) => 3 * (x - last[j]));
  });
  return keys.map((key, i) => key.map((_, j) => rises.reduce((sum, rise, k) => sum + weights[(k - i + count) % count] * rise[j], 0)));
}

function hermite(a, b, slopeA, slopeB, t) {
  const [t2, t3] = [t * t, t * t * t];
  const [ha, hb, sa, sb] = [2 * t3 - 3 * t2 + 1, 3 * t2 - 2 * t3, t3 - 2 * t2 + t, t3 - t2];
  return a.map((x, i) => ha * x + hb * b[i] + sa * slopeA[i] + sb * slopeB[i]);
}

/** The circle's axes around a seed's latent, as `latent.space.plane` makes them: one, and one at right angles. */
export function axes(one, two) {
  const length = norm(one);
  const share = dot(two, one) / length ** 2;
  const side = two.map((x, i) => x - one[i] * share);
  const scale = length / norm(side);
  return [one, side.map((x) => x * scale)];
}

/** Band-limited periodic noise, u -> [length]: the curve of the walk `drift`. */
export function waves(length, turns, seed) {
  const numbers = new RandomState(seed).normals(2 * turns * length);
  const order = Array.from({ length: turns }, (_, i) => i + 1);
  const total = Math.sqrt(order.reduce((sum, n) => sum + 1 / n ** 2, 0));
  return (u) => {
    const found = new Float64Array(length);
    order.forEach((n, row) => {
      const angle = 2 * Math.PI * u * n;
      const [sine, cosine] = [Math.sin(angle) / n / total, Math.cos(angle) / n / total];
      const [from, other] = [row * length, (turns + row) * length];
      for (let i = 0; i < length; i++) found[i] += sine * numbers[from + i] + cosine * numbers[other + i];
    });
    return found;
  };
}
