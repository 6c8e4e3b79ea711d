"""Python's multiprocessing, doing what isthmus does. python_peers.py work=WORK key=value...: prints a line of JSON."""

import json
import multiprocessing as mp
import sys
import time


def ready():
    print("READY", flush=True)
    sys.stdin.readline()


def say(**found):
    print(json.dumps(found), flush=True)


# One way: queue = Queue, SimpleQueue or Pipe; n producers and n consumers in processes of their own.


def put_all(put, total, message, barrier):
    barrier.wait()
    for _ in range(total):
        put(message)


def get_all(get, warm, count, barrier, results):
    barrier.wait()
    for _ in range(warm):
        get()
    began = time.perf_counter_ns()
    for _ in range(count):
        get()
    results.put(time.perf_counter_ns() - began)


def queue(kind, count, warm, bytes, pairs):
    message = b"\7" * bytes
    total, count = count, -(-count // pairs)  # all of them, and of each consumer
    if kind == "Pipe":
        receiver, sender = mp.Pipe(duplex=False)
        put, get = sender.send, receiver.recv
    else:
        shared = getattr(mp, kind)()
        put, get = shared.put, shared.get
    barrier = mp.Barrier(2 * pairs + 1)
    results = mp.SimpleQueue()
    children = []
    for _ in range(pairs):
        children.append(mp.Process(target=put_all, args=(put, warm + count, message, barrier)))
        children.append(mp.Process(target=get_all, args=(get, warm, count, barrier, results)))
    for child in children:
        child.start()
    ready()
    barrier.wait()
    rate = sum(count / results.get() for _ in range(pairs))
    for child in children:
        child.join()
    say(ns=total / rate)


# There and back.


def echo(connection):
    while True:
        message = connection.recv_bytes()
        if not message:
            return
        connection.send_bytes(message)


def roundtrip(count, warm, bytes, pause):
    here, there = mp.Pipe()
    child = mp.Process(target=echo, args=(there,))
    child.start()
    message = b"\7" * bytes
    ready()
    busy = 0
    for n in range(warm + count):
        if pause > 0:
            time.sleep(pause / 1000)
        began = time.perf_counter_ns()
        here.send_bytes(message)
        here.recv_bytes()
        if n >= warm:
            busy += time.perf_counter_ns() - began
    here.send_bytes(b"")
    child.join()
    say(ns=busy)


# Locks and values.


def timed(count, work):
    work(count // 10 + 1)
    began = time.perf_counter_ns()
    work(count)
    return time.perf_counter_ns() - began


def lock(count):
    one = mp.Lock()

    def work(times):
        for _ in range(times):
            with one:
                pass

    ready()
    say(ns=timed(count, work))


def contender(one, room, me, seconds, barrier, results):
    barrier.wait()
    acquired = handovers = slowest = 0
    began = before = time.perf_counter_ns()
    end = began + int(seconds * 1e9)
    while before < end:
        with one:
            room[0] += 1
            if room[1] != me:
                handovers += 1
            room[1] = me
        acquired += 1
        after = time.perf_counter_ns()
        slowest = max(slowest, after - before)
        before = after
    results.put((time.perf_counter_ns() - began, acquired, handovers, slowest))


def contend(processes, seconds):
    one = mp.Lock()
    room = mp.RawArray("d", 2)
    barrier = mp.Barrier(processes + 1)
    results = mp.SimpleQueue()
    children = [
        mp.Process(target=contender, args=(one, room, me + 1, seconds, barrier, results)) for me in range(processes)
    ]
    for child in children:
        child.start()
    ready()
    barrier.wait()
    found = [results.get() for _ in children]
    for child in children:
        child.join()
    say(each=[dict(ns=ns, acquired=acquired, handovers=handovers, slowest=slowest) for ns, acquired, handovers, slowest in found])


def value(count):
    one = mp.Value("i", 0)

    def work(times):
        for _ in range(times):
            with one.get_lock():
                one.value += 1

    ready()
    say(ns=timed(count, work))


def array(count):
    view = mp.RawArray("i", 1024)

    def work(times):
        for n in range(times):
            view[n & 1023] += 1

    ready()
    say(ns=timed(count, work))


# The Manager's dict.


def manager(operation, keys, count):
    with mp.Manager() as server:
        shared = server.dict()
        entry = {"id": 1, "user": "ada.lovelace@example.org", "visits": 3, "ratio": 0.25, "tags": ["a", "bc"], "ok": True}
        shared.update({f"key:{n}": entry for n in range(keys)})

        def work(times):
            for n in range(times):
                key = f"key:{n * 7919 % keys}"
                if operation == "get":
                    shared[key]
                else:
                    shared[key] = entry

        ready()
        say(ns=timed(count, work))


if __name__ == "__main__":
    given = dict(argument.split("=", 1) for argument in sys.argv[1:])
    work = globals()[given.pop("work")]

    def read(text):
        try:
            found = float(text)
            return int(found) if found == int(found) else found
        except ValueError:
            return text

    work(**{key: read(text) for key, text in given.items()})
