"""bench/embed_peer.py: the peer of bench_embed.py, run by the Python of bench/.venv.

  export FOLDER OUT     the image tower of a CLIP folder as OUT/f32.onnx, and as ONNX Runtime's dynamic
                        int8 in OUT/int8.onnx (per tensor) and OUT/int8-channels.onnx
  vectors FILE SHAPE    reads prepared f32 pictures [n][3][side][side] from stdin; prints their vectors
  serve FILE POOL       for each line "BATCH THREADS SECONDS": one line of JSON, as bench_embed prints
                        it; THREADS / POOL sessions of POOL threads each run at once
"""

import json
import sys
import threading
import time
import warnings

ROUND_S = 0.25


def export(folder, out):
    import onnx
    import torch
    import transformers
    from onnxruntime.quantization import QuantType, quantize_dynamic

    tower = transformers.CLIPVisionModelWithProjection.from_pretrained(folder, dtype=torch.float32,
                                                                       attn_implementation="eager")

    class Features(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.tower = tower.eval()

        def forward(self, pixels):
            return self.tower(pixel_values=pixels).image_embeds

    warnings.simplefilter("ignore")
    side = tower.config.image_size
    torch.onnx.export(Features(), (torch.zeros(2, 3, side, side),), f"{out}/f32.onnx", dynamo=False,
                      input_names=["pixels"], output_names=["features"], opset_version=17,
                      dynamic_axes={"pixels": {0: "n"}, "features": {0: "n"}})
    onnx.checker.check_model(f"{out}/f32.onnx")
    for name, per_channel in (("int8", False), ("int8-channels", True)):
        quantize_dynamic(f"{out}/f32.onnx", f"{out}/{name}.onnx", per_channel=per_channel,
                         weight_type=QuantType.QInt8)


def session_of(path, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def vectors(path, shape):
    import numpy

    shape = [int(n) for n in shape.split("x")]
    pictures = numpy.frombuffer(sys.stdin.buffer.read(), numpy.float32).reshape(shape)
    features = session_of(path, 1).run(None, {"pixels": pictures})[0].astype(float)
    features /= numpy.linalg.norm(features, axis=1, keepdims=True)
    print(json.dumps(features.tolist()))


class Worker:
    def __init__(self, path, threads):
        self.session = session_of(path, threads)
        self.side = self.session.get_inputs()[0].shape[2]
        self.embedded, self.call_s = 0, 1e9

    def run(self, pictures, until, clock):
        self.embedded = 0
        while True:
            start = clock()
            self.session.run(None, {"pixels": pictures})
            self.call_s = min(self.call_s, clock() - start)
            self.embedded += len(pictures)
            if time.monotonic() > until:
                return


def measure(workers, pool, batch, seconds):
    import numpy

    side = workers[0].side
    pictures = numpy.random.default_rng(1).standard_normal((batch, 3, side, side), dtype=numpy.float32)
    # of a pool's threads only the process knows the processor time
    clock = time.thread_time if pool == 1 else time.process_time
    rounds, embedded, cpu = [], 0, 0.0
    for worker in workers:
        worker.call_s = 1e9
    end = time.monotonic() + seconds
    while not rounds or time.monotonic() < end:
        cpu -= time.process_time()
        start = time.monotonic()
        running = [threading.Thread(target=w.run, args=(pictures, start + ROUND_S, clock))
                   for w in workers]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        rounds.append(sum(w.embedded for w in workers) / (time.monotonic() - start))
        embedded += sum(w.embedded for w in workers)
        cpu += time.process_time()
    rounds.sort()
    best = batch / (sum(w.call_s for w in workers) / len(workers))
    return {"batch": batch, "threads": pool * len(workers),
            "images_per_second": {"best": rounds[-1], "median": rounds[len(rounds) // 2]},
            "images_per_cpu_second": {"best": best, "mean": embedded / cpu}}


def serve(path, pool):
    import onnxruntime

    pool = int(pool)
    workers = [Worker(path, pool)]
    print(json.dumps({"library": f"ONNX Runtime {onnxruntime.__version__}"}), flush=True)
    for line in sys.stdin:
        batch, threads, seconds = line.split()
        while len(workers) < int(threads) // pool:
            workers.append(Worker(path, pool))
        answer = measure(workers[:int(threads) // pool], pool, int(batch), float(seconds))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    {"export": export, "vectors": vectors, "serve": serve}[sys.argv[1]](*sys.argv[2:])
