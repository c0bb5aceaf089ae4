# One image for workers and jobs. Build: docker build -t recgate .   Run: docker run -p 8080:8080 -v recgate:/data recgate
# It listens on all addresses. Callers outside the container get recommendations and send events; what makes and deletes
# resources answers `docker exec` alone, until the configuration says otherwise (config/container.yaml).
FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python -m venv /opt/recgate
ENV PATH=/opt/recgate/bin:$PATH
# The server trains on the CPU: name PyTorch's index of CPU wheels by --build-arg TORCH_INDEX=… for an image a fifth
# of the size; without it pip takes the build of its default index (on ARM that is the CPU build anyway). A server that
# trains nothing goes without PyTorch: --build-arg EXTRAS=kafka,otlp,postgres
ARG EXTRAS=kafka,otlp,postgres,train,text
ARG TORCH_INDEX=
# hadolint ignore=DL3013
RUN if [ -n "$TORCH_INDEX" ]; then pip install --index-url "$TORCH_INDEX" "torch>=2.5,<3"; fi
COPY pyproject.toml README.md LICENSE ./
COPY gateway gateway
COPY engine engine
COPY clients clients
# hadolint ignore=DL3013
RUN pip install ".[$EXTRAS]"

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /data --create-home recgate
COPY --from=build /opt/recgate /opt/recgate
COPY config /etc/recgate
ENV PATH=/opt/recgate/bin:$PATH PYTHONUNBUFFERED=1 RECGATE_DATA_DIR=/data
USER 10001
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/health', timeout=2)"]
ENTRYPOINT ["recgate"]
CMD ["serve", "--host", "0.0.0.0", "--config", "/etc/recgate/container.yaml"]
