#!/bin/sh
# Trains landscapes-256 in 12 minutes on an H100 with PyTorch 2.11, without a network, and measures it:
#
#     sh benchmarks/recipes/landscapes-256.sh SET RUN
#
# SET: a folder of pictures, made with `latentart data landscapes -o SET --size 256`.
# RUN: gets network.safetensors and critic.safetensors (below 16 MB each), learning.mp4, and judged/. The same command
# goes on for 12 minutes more; --start RUN continues from both files alone, with other settings or pictures.
set -eu
SET=$1 RUN=$2
PYTHON=${PYTHON:-python}

$PYTHON -m latentart train gan --pictures "$SET" -o "$RUN" \
    --size 256 --channels 3 --base 4096 --most 192 --latent 256 --batch 32 --mirror \
    --kimg 25000 --minutes 12 --seed 1 --bf16 --device "${DEVICE:-cuda}"
$PYTHON -m latentart judge --network "$RUN/network.safetensors" --pictures "$SET" -o "$RUN/judged"
for name in network critic; do
    bytes=$(wc -c < "$RUN/$name.safetensors")
    echo "$name.safetensors: $bytes bytes"
    test "$bytes" -lt 16000000
done
