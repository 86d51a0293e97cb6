"""gunicorn's settings for every server: one worker, as azmlinfsrv has it, and no control socket in the home folder."""

workers = 1
worker_class = "sync"
graceful_timeout = 5
control_socket_disable = True  # gunicorn 25.1 and later; older ones pass over names that they do not know
