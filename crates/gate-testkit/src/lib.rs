//! Development only: a server in process, a scripted approver, a terminal, real tools.
