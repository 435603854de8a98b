# The image of every step on Kubeflow Pipelines, of `artist-sim serve`, and of `artist-sim` itself.
#
#     make image                  for CPUs: artist-sim:0.1.0
#     make image VARIANT=gpu      with CUDA, for the trainer: artist-sim:0.1.0-gpu
ARG VARIANT=cpu

FROM python:3.10.18-slim-bookworm AS build
ARG VARIANT
COPY .ci/uv.lock deploy/image/install /build/
COPY requirements-${VARIANT}.lock /build/requirements.lock
RUN /build/install /opt/venv /build/requirements.lock /build/uv.lock
WORKDIR /opt/artist_sim
COPY setup.py pyproject.toml graph_schema.pbtxt ./
COPY catalogues catalogues
COPY components components
COPY pipeline pipeline
COPY serving serving
COPY trainer trainer
COPY configs configs
RUN /build/uv/bin/uv pip install --python /opt/venv/bin/python --no-cache --no-deps \
      --no-build-isolation --compile-bytecode --editable . \
 && /opt/venv/bin/python -m compileall -q .

FROM python:3.10.18-slim-bookworm AS runtime
# implicit is built against libgomp and brings none. The launcher of Kubeflow Pipelines copies
# artifacts to and from the folders, as the user of the image.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libgomp1 \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o 65532 -g 65532 /gcs /minio /s3
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/artist_sim /opt/artist_sim
# A user without a name has no home; all that is written beside artifacts goes to /tmp.
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    ARTIST_SIM_HOME=/tmp/artist_sim \
    NUMBA_CACHE_DIR=/tmp/numba \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TF_CPP_MIN_LOG_LEVEL=1 \
    TF_USE_LEGACY_KERAS=1
LABEL org.opencontainers.image.title="artist-sim" \
      org.opencontainers.image.description="Artist similarity: pipeline steps, server, commands" \
      org.opencontainers.image.version="0.1.0"
WORKDIR /opt/artist_sim
USER 65532:65532
ENTRYPOINT ["artist-sim"]
CMD ["--help"]

FROM runtime AS runtime-cpu

FROM runtime AS runtime-gpu
# TensorFlow 2.16 does not find the libraries of its own extra `and-cuda` by itself.
ARG NVIDIA=/opt/venv/lib/python3.10/site-packages/nvidia
ENV PATH=${NVIDIA}/cuda_nvcc/bin:${PATH} \
    LD_LIBRARY_PATH=${NVIDIA}/cublas/lib:${NVIDIA}/cuda_cupti/lib:${NVIDIA}/cuda_nvrtc/lib:${NVIDIA}/cuda_runtime/lib:${NVIDIA}/cudnn/lib:${NVIDIA}/cufft/lib:${NVIDIA}/curand/lib:${NVIDIA}/cusolver/lib:${NVIDIA}/cusparse/lib:${NVIDIA}/nccl/lib:${NVIDIA}/nvjitlink/lib \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    XLA_FLAGS=--xla_gpu_cuda_data_dir=${NVIDIA}/cuda_nvcc

FROM runtime-${VARIANT}
