"""Run by test_coming_back.py. Rank 1 is killed in its first life; in its second it starts from what the others have.

    job_coming_back.py FOLDER OPTIMIZER_STATE    under selmcast run --elastic
    job_coming_back.py FOLDER checkpoint         under torchrun --max-restarts: all ranks are started again
"""

import os
import signal
import sys
import time

import selmcast
import selmcast.torch
import torch

WATCHDOG = 100.0
FIRST_LIFE_STEPS, STEPS = 8, 12

folder, optimizer_state = sys.argv[1:]
back = os.path.join(folder, "back")
checkpoint = os.path.join(folder, "checkpoint")
life = int(os.environ.get("SELMCAST_RESTARTS") or os.environ.get("TORCHELASTIC_RESTART_COUNT") or 0)

selmcast.init(timeout=50.0)
me = selmcast.rank()
model = torch.nn.Linear(4, 1)
with torch.no_grad():
    for parameter in model.parameters():
        parameter.fill_(0.0 if life else 100.0)
selmcast.torch.broadcast_parameters(model)
# So slow that parameters stay where they are; gradients are 1, so momentum goes 1, 1.9, 2.71, ... to 10.
optimizer = torch.optim.SGD(model.parameters(), lr=1e-9, momentum=0.9)
state = "local" if optimizer_state == "checkpoint" else optimizer_state
selmcast.torch.DistributedOptimizer(optimizer, model=model, optimizer_state=state, min_receivers=1.0)


def one_step():
    optimizer.zero_grad()
    model(torch.ones(1, 4)).sum().backward()
    optimizer.step()


def say(text):
    os.write(1, f"rank {me} life {life}: {text}\n".encode())


if optimizer_state == "checkpoint":
    if life:
        saved = torch.load(checkpoint)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
    first = optimizer.synchronizer.rounds
    for step in range(first, STEPS):
        one_step()
        if me == 0 and step == FIRST_LIFE_STEPS - 2:
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, checkpoint)
        if me == 1 and not life and step == FIRST_LIFE_STEPS - 1:
            os.kill(os.getpid(), signal.SIGKILL)
        if not life and step == FIRST_LIFE_STEPS:
            time.sleep(WATCHDOG)  # until torchrun ends it
    say(f"from step {first}, weight {model.weight[0, 0]:.0f}, rounds {optimizer.synchronizer.rounds}")
    optimizer.close()
    sys.exit(0)

if life:
    one_step()
    momentum = float(optimizer.state[model.weight]["momentum_buffer"][0, 0])
    caught_up = optimizer.synchronizer.rounds
    for _ in range(3):
        one_step()
    say(f"weight {model.weight[0, 0]:.0f}, momentum {'theirs' if momentum > 3 else 'its own'}, caught up "
        f"{caught_up >= FIRST_LIFE_STEPS}")
    open(back, "w").close()
else:
    until = time.monotonic() + WATCHDOG
    step = 0
    while not os.path.exists(back):
        assert time.monotonic() < until, "rank 1 does not come back"
        one_step()
        time.sleep(0.02)
        step += 1
        if me == 1 and step == FIRST_LIFE_STEPS:
            os.kill(os.getpid(), signal.SIGKILL)
    say(f"weight {model.weight[0, 0]:.0f}")
found = selmcast.torch.consensus(model)
say(f"consensus of {found.workers}, without {list(found.missing)}: {model.weight[0, 0]:.0f}")
