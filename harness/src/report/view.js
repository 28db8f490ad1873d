// The part of an axis that is seen.

class View {
  constructor(min, max, smallest) {
    // Of nothing, or of one value, something must be seen too.
    this.min = Number.isFinite(min) ? min : 0;
    this.max = max > this.min ? max : this.min + 1;
    this.smallest = Math.min(smallest, this.max - this.min);
    this.lo = this.min;
    this.hi = this.max;
    this.changed = () => {};
  }

  get span() {
    return this.hi - this.lo;
  }

  set(lo, hi) {
    const span = Math.min(Math.max(hi - lo, this.smallest), this.max - this.min);
    const middle = (lo + hi) / 2;
    this.lo = Math.min(Math.max(middle - span / 2, this.min), this.max - span);
    this.hi = this.lo + span;
    this.changed();
  }

  // Larger than 1: closer. The value `at` stays where it is.
  zoom(factor, at = (this.lo + this.hi) / 2) {
    const span = Math.min(Math.max(this.span / factor, this.smallest), this.max - this.min);
    const share = (at - this.lo) / this.span;
    const lo = at - share * span;
    this.set(lo, lo + span);
  }

  // By a share of what is seen.
  pan(share) {
    this.set(this.lo + share * this.span, this.hi + share * this.span);
  }

  all() {
    this.set(this.min, this.max);
  }
}

