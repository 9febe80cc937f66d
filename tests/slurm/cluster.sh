# A Slurm of one node on 127.0.0.1, as root and without systemd: munged, slurmctld and slurmd, all they
# write in one folder. The node claims to have four CPUs, whatever the machine has. Jobs of partition
# `low` give way to those of `high` and are requeued.
# shellcheck shell=bash

# cluster_missing: prints why there can be none
cluster_missing() {
    local program
    [[ $(id -u) = 0 ]] || echo 'not root'
    for program in munged slurmctld slurmd sbatch scontrol squeue scancel; do
        PATH=$PATH:/usr/sbin command -v $program >/dev/null || echo "no $program here"
    done
}

# cluster_up FOLDER: exports SLURM_CONF
cluster_up() {
    local port=$((20000 + RANDOM % 20000)) host
    cluster=$1
    host=$(hostname -s)
    PATH=$PATH:/usr/sbin
    unset "${!SLURM_@}" "${!SBATCH_@}"
    export SLURM_CONF=$cluster/slurm.conf
    mkdir -p "$cluster/state" "$cluster/spool"
    cat >"$SLURM_CONF" <<CONF
ClusterName=loopback
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmctldPort=$port
SlurmdPort=$((port + 1))
AuthType=auth/munge
AuthInfo=socket=$cluster/munge.socket
StateSaveLocation=$cluster/state
SlurmdSpoolDir=$cluster/spool
SlurmctldPidFile=$cluster/slurmctld.pid
SlurmdPidFile=$cluster/slurmd.pid
SlurmctldLogFile=$cluster/slurmctld.log
SlurmdLogFile=$cluster/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MailProg=/bin/true
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,bf_interval=1
SlurmdParameters=config_overrides
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
KillWait=20
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=4
PartitionName=low Nodes=$host Default=YES PriorityTier=1
PartitionName=high Nodes=$host PriorityTier=2
CONF
    (umask 077 && head -c 1024 /dev/urandom >"$cluster/munge.key")
    munged --force --key-file="$cluster/munge.key" --socket="$cluster/munge.socket" \
        --pid-file="$cluster/munged.pid" --log-file="$cluster/munged.log" \
        --seed-file="$cluster/munged.seed" 2>"$cluster/munged.err" &&
        slurmctld -i -c && slurmd -c && cluster_waits
}

# Its jobs go on.
cluster_restart_node() {
    cluster_end slurmd
    slurmd && cluster_waits
}

# Until the node takes jobs, 30 seconds at most.
cluster_waits() {
    local limit=$((SECONDS + 30))
    until timeout 5 sinfo -h -o %T 2>/dev/null | grep -qE '^(idle|mixed|allocated)$'; do
        ((SECONDS < limit)) || return 1
        sleep 0.2
    done
}

# Ends one of the daemons, by the pid that it wrote.
cluster_end() {
    local pid i
    pid=$(cat "$cluster/$1.pid" 2>/dev/null) && kill "$pid" 2>/dev/null || return 0
    for ((i = 0; i < 50; i++)); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -9 "$pid"
}

# Jobs first; what they leave behind is known by SLURM_CONF in its environment.
cluster_down() {
    local i process
    [[ -n ${cluster:-} ]] || return 0
    timeout 5 scancel --user=root 2>/dev/null
    for ((i = 0; i < 20; i++)); do
        [[ -n $(timeout 5 squeue -h 2>/dev/null) ]] || break
        sleep 0.2
    done
    for process in /proc/[0-9]*; do
        grep -qszx "SLURM_JOB_ID=.*" "$process/environ" &&
            grep -qszxF "SLURM_CONF=$SLURM_CONF" "$process/environ" && kill -9 "${process#/proc/}"
    done 2>/dev/null
    cluster_end slurmd
    cluster_end slurmctld
    cluster_end munged
}
