"""python's `sacn` fades universe 1 to 200, 100, 50 and holds it until it is ended."""
import signal
import time

import sacn

sender = sacn.sACNsender(bind_address="10.77.0.1", fps=40)
sender.start()
sender.activate_output(1)
sender[1].multicast = True
for level in range(201):
    sender[1].dmx_data = (level, level // 2, level // 4)
    time.sleep(0.005)
signal.pause()
