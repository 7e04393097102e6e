// Totals of an invoice as EN 16931 reckons them (BR-CO-10 to BR-CO-17): the lines of one rate are
// added up before their tax is rounded, so that the order and the number of lines change nothing.

const BASIS_POINTS = 10_000n;
const LARGEST = (1n << 256n) - 1n;

/** An invoice that has no total; `code` is for machines, `message` for people. */
export class InvoiceError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/**
 * Adds up `lines`, each a quantity, a unit price in the currency's smallest unit, and a tax rate in
 * basis points. Gives bigints in the same unit.
 */
export function total(lines) {
  if (lines.length === 0) {
    throw new InvoiceError('no-lines', 'the invoice has no lines; send at least one');
  }
  const netByRate = new Map();
  for (const { quantity, unitPrice, taxBasisPoints } of lines) {
    const net = BigInt(quantity) * BigInt(unitPrice);
    netByRate.set(taxBasisPoints, (netByRate.get(taxBasisPoints) ?? 0n) + net);
  }
  let net = 0n;
  let tax = 0n;
  for (const [rate, amount] of netByRate) {
    net += amount;
    tax += roundedHalfUp(amount * BigInt(rate), BASIS_POINTS);
  }
  const gross = net + tax;
  if (gross > LARGEST) {
    throw new InvoiceError('amount-too-large', `the total ${gross} does not fit 256 bits; split the invoice`);
  }
  return { net, tax, gross };
}

function roundedHalfUp(numerator, denominator) {
  return (2n * numerator + denominator) / (2n * denominator);
}
