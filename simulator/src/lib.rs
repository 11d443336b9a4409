//! A Genesys Cloud region on loopback.
