//! The approval server: requests, reviews, claims, audit log, web page.
