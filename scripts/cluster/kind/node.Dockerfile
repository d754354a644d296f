# A node of kind where its published image cannot be had: after images/base/Dockerfile of kind itself, with the container
# runtime and the network plugins of Debian. Needs no network.
ARG BASE
FROM ${BASE}
COPY files/ /
COPY bin/kubeadm bin/kubelet bin/kubectl /usr/bin/
COPY node-entrypoint.sh /usr/local/bin/node-entrypoint
COPY kernel-settings.sh /usr/local/lib/

# What a container may not be allowed to set goes: a lower OOM score, higher limits, the kernel of the whole machine.
RUN chmod 755 /kind/bin/* /usr/local/bin/* \
    && rm -f /lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service \
        /lib/systemd/system/multi-user.target.wants/* /etc/systemd/system/*.wants/* \
        /lib/systemd/system/local-fs.target.wants/* /lib/systemd/system/sockets.target.wants/*udev* \
        /lib/systemd/system/sockets.target.wants/*initctl* /lib/systemd/system/basic.target.wants/* \
    && echo ReadKMsg=no >>/etc/systemd/journald.conf \
    && sed -i '/^OOMScoreAdjust/d; /^Limit/d; s#/usr/local/bin/containerd#/usr/bin/containerd#' \
        /etc/systemd/system/containerd.service \
    && sed -i 's/restrict_oom_score_adj = false/restrict_oom_score_adj = true/' /etc/containerd/config.toml \
    && systemctl enable kubelet.service containerd.service undo-mount-hacks.service \
    && systemctl mask systemd-binfmt.service systemd-sysctl.service \
    && mkdir -p /etc/kubernetes/manifests /opt/cni \
    && ln -s /usr/lib/cni /opt/cni/bin \
    && ctr oci spec \
        | jq '.hooks.createContainer = [{"path": "/kind/bin/mount-product-files.sh"}] | del(.process.rlimits)' \
            >/etc/containerd/cri-base.json

# By kubeadm, they ask for half of a machine of two processors, which the pods of sites then cannot have.
RUN mkdir -p /kind/patches \
    && for part in etcd kube-apiserver kube-controller-manager kube-scheduler; do \
        printf 'spec:\n  containers:\n    - name: %s\n      resources: { requests: { cpu: 10m } }\n' "$part" \
            >"/kind/patches/$part.yaml" || exit; \
    done

ARG KUBERNETES_VERSION
RUN echo "${KUBERNETES_VERSION}" >/kind/version
ENV container=docker
STOPSIGNAL SIGRTMIN+3
ENTRYPOINT ["/usr/local/bin/node-entrypoint", "/sbin/init"]
