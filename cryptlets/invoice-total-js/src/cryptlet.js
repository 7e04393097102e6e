import { log } from 'cryptlet:fabric/log@0.1.0';

import { InvoiceError, total } from './invoice.js';

/** What `cryptlet:fabric` asks every cryptlet for. */
export const cryptlet = {
  handle({ trigger }) {
    try {
      return encode(answer(trigger));
    } catch (error) {
      throw failure(error);
    }
  },
};

function answer(trigger) {
  if (trigger.tag !== 'message') {
    throw new InvoiceError('not-a-message', `a ${trigger.tag} asks nothing; send InvoiceLines`);
  }
  const { invoice, lines } = JSON.parse(new TextDecoder().decode(trigger.val.body));
  log('info', `invoice ${invoice} has ${lines.length} lines`);
  return total(lines);
}

// An exception that leaves `handle` as anything but a failure is a trap, which says nothing to anyone.
function failure(error) {
  const code = error instanceof InvoiceError ? error.code : 'internal';
  return { code, message: String(error.message ?? error) };
}

// Integers wider than 32 bits are decimal strings in messages.
function encode(reply) {
  const text = JSON.stringify(reply, (_, value) => (typeof value === 'bigint' ? value.toString() : value));
  return new TextEncoder().encode(text);
}
