#!/bin/sh
# Trains toys-128 in 12 minutes on an H100 with PyTorch 2.11, without a network, and measures it:
#
#     sh benchmarks/recipes/toys-128.sh SET RUN
#
# SET: a folder of pictures, made with `latentart data fluent -o SET --size 128 --no-flags`.
# RUN: gets network.safetensors and critic.safetensors (below 16 MB each), learning.mp4, and judged/. The same command
# goes on for 12 minutes more; --start RUN continues from both files alone, with other settings or pictures.
set -eu
SET=$1 RUN=$2
PYTHON=${PYTHON:-python}

$PYTHON -m latentart train gan --pictures "$SET" -o "$RUN" \
    --classes --size 128 --channels 4 --base 4096 --most 192 --latent 256 --batch 64 --mirror \
    --kimg 25000 --minutes 12 --seed 1 --bf16 --device "${DEVICE:-cuda}"
$PYTHON -m latentart judge --network "$RUN/network.safetensors" --pictures "$SET" -o "$RUN/judged"
for name in network critic; do
    bytes=$(wc -c < "$RUN/$name.safetensors")
    echo "$name.safetensors: $bytes bytes"
    test "$bytes" -lt 16000000
done
