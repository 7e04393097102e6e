import assert from 'node:assert/strict';
import { test } from 'node:test';

import { total } from '../src/invoice.js';

const line = (quantity, unitPrice, taxBasisPoints) => ({
  quantity: String(quantity),
  unitPrice: String(unitPrice),
  taxBasisPoints,
});

test('adds up lines of several rates', () => {
  assert.deepEqual(total([line(3, 1999, 1900), line(1, 500, 700)]), {
    net: 6497n,
    tax: 1174n,
    gross: 7671n,
  });
});

test('rounds the tax once for each rate, half upwards', () => {
  // Each line alone would round 0.5 up to 1, and give 3.
  const lines = [line(1, 5, 1000), line(1, 5, 1000), line(1, 5, 1000)];

  assert.equal(total(lines).tax, 2n);
});

test('reckons amounts that no double holds', () => {
  const amount = 2n ** 200n + 1n;

  assert.equal(total([line(1, amount, 0)]).gross, amount);
});

test('says why there is no total', () => {
  assert.throws(() => total([]), { code: 'no-lines' });
  assert.throws(() => total([line(2, 2n ** 255n, 0)]), { code: 'amount-too-large' });
});
