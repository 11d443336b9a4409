//! What happened: notification bodies in, events out. No I/O, no clock.
