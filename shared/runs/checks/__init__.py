"""Baton's own checks of a certificate, one a file, named as `gates.certificate.checks` names them. Standard library only,
unless a check says otherwise: they run by the interpreter of the model's environment."""
