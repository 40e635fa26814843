# The tuner with OpenVINO's CPU plugin. docs/containers.md says how to build and run it.

ARG BASE=python:3.13-slim-trixie

# A wheel of this source tree, and an environment with it and the versions that the tests passed with.
FROM ${BASE} AS build
# Further packages: ray[default] for a Ray cluster.
ARG PACKAGES=""
WORKDIR /source
COPY pyproject.toml README.md LICENSE tests/tested.txt ./
COPY tuner tuner
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .
RUN python -m venv --without-pip /opt/tuner \
    && pip --python /opt/tuner/bin/python install --no-cache-dir --constraint tested.txt /wheels/*.whl ${PACKAGES}

# The same base, because an environment holds the path of its interpreter.
FROM ${BASE}
ARG BASE
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="openvino-tuner" \
      org.opencontainers.image.description="Finds the fastest way to run a model with OpenVINO, and says how sure it is" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="${BASE}"
COPY --from=build /opt/tuner /opt/tuner
# The user exists by number, so that Kubernetes can tell that it is not root. Another number works as well.
RUN groupadd --gid 10001 tuner \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin tuner \
    && install --directory --owner 10001 --group 10001 /work /work/models /work/reports
# Nothing but /work/reports and /tmp is written to.
ENV PATH="/opt/tuner/bin:${PATH}" \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /work
VOLUME /work/reports
USER 10001:10001
ENTRYPOINT ["tuner"]
CMD ["--help"]
