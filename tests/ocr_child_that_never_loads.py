"""An OCR child that hangs while it loads; it tells its process id in the folder that it is given."""

import os
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    written = Path(sys.argv[2], "pid.new")
    written.write_text(str(os.getpid()), encoding="ascii")
    written.rename(written.with_name("pid"))
    time.sleep(600)
