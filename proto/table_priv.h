/*
 * table_priv.h - between the written tables and table.c
 */
#ifndef AV_PROTO_TABLE_PRIV_H
#define AV_PROTO_TABLE_PRIV_H

#include "proto/table.h"

extern const av_message_info av_proto_messages[]; /* ends with a NULL descriptor */

#endif
