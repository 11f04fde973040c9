/*
 * instance.h - archivolt-instance: the actor that owns one customer's archive
 *
 * Takes:  archivolt.Instance, archivolt.Archive, archivolt.Intake, archivolt.Operations (proto/)
 * Owns:   the folder given by --arg dir=..., its store, catalog and accounts; end users' sessions
 * Sends:  Host.StartWorker and StopWorker to the host of its node; its status
 * Limits: two reader threads, one writer; 512 jobs waiting in each pool; further callers get busy
 *
 * Ends by itself with status 75 when --arg sleep_after_s=N was given and nothing happened for that long.
 */
#ifndef AV_INSTANCE_INSTANCE_H
#define AV_INSTANCE_INSTANCE_H

int av_instance_main(int argc, char **argv);

#endif
