"""NORM (RFC 5740) by Debian's libnorm1, as a rival of `selmcast bench multicast`: one sender or one receiver.

    norm_rival.py send IDS_OF_RECEIVERS BYTES RATE_BPS | receive ID BYTES

The library does all the work in threads of its own; this file only waits for its events. Prints one line of JSON.
"""
import ctypes
import json
import resource
import sys
import time

WATERMARK, COMPLETED, ABORTED = 4, 20, 21
SEGMENT, BLOCK, PARITY = 1400, 64, 0
GROUP, PORT = b"239.77.0.2", 7272


class Event(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("session", ctypes.c_void_p), ("sender", ctypes.c_void_p),
                ("object", ctypes.c_void_p)]


def library():
    norm = ctypes.CDLL("libnorm.so.1")
    for name in ("NormCreateInstance", "NormCreateSession", "NormDataEnqueue"):
        getattr(norm, name).restype = ctypes.c_void_p
    norm.NormGetNextEvent.restype = ctypes.c_bool
    return norm


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def wait_for(norm, instance, wanted, seconds):
    event, until = Event(), time.monotonic() + seconds
    while time.monotonic() < until:
        if norm.NormGetNextEvent(ctypes.c_void_p(instance), ctypes.byref(event), True) and event.type in wanted:
            return event.type
    return None


def main():
    role, ids, size = sys.argv[1], sys.argv[2], int(float(sys.argv[3]))
    norm = library()
    instance = norm.NormCreateInstance(False)
    own = 1 if role == "send" else int(ids)
    session = ctypes.c_void_p(norm.NormCreateSession(ctypes.c_void_p(instance), GROUP, PORT, own))
    norm.NormSetMulticastInterface(session, b"eth0")
    norm.NormSetTTL(session, ctypes.c_ubyte(1))
    started, used = time.monotonic(), cpu()
    if role == "send":
        norm.NormSetTxRate(session, ctypes.c_double(float(sys.argv[4])))
        norm.NormSetGrttEstimate(session, ctypes.c_double(0.01))
        norm.NormSetTxCacheBounds(session, ctypes.c_uint64(2 * size), 2, 64)
        norm.NormStartSender(session, 1, 64 << 20, SEGMENT, BLOCK, PARITY, 0)
        norm.NormSetTxSocketBuffer(session, 4 << 20)
        for node in ids.split(","):
            norm.NormAddAckingNode(session, int(node))
        data = ctypes.create_string_buffer(size)
        item = norm.NormDataEnqueue(session, data, size, None, 0)
        norm.NormSetWatermark(session, ctypes.c_void_p(item), False)
        end = wait_for(norm, instance, (WATERMARK,), 120)
    else:
        norm.NormSetRxCacheLimit(session, 64)
        norm.NormStartReceiver(session, 64 << 20)
        norm.NormSetRxSocketBuffer(session, 8 << 20)
        print("ready", flush=True)
        end = wait_for(norm, instance, (COMPLETED, ABORTED), 120)
    print(json.dumps({"role": role, "complete": end in (WATERMARK, COMPLETED), "started": started,
                      "ended": time.monotonic(), "cpu_seconds": cpu() - used}), flush=True)


main()
