#!/usr/bin/env python3
"""Makes storage/store/dictionary.bin, the built-in zstd dictionary of format 1, out of text written for it.

The dictionary is frozen with the format: run this again only to see how it came to be, or for a new format. All of the
text below is ours; nobody's mail is in it. The samples that set the entropy tables are made up from the same text with
random addresses, ids, dates and words. Needs libzstd.

usage: dictionary_make.py OUT
"""
import base64
import ctypes
import random
import sys

HEADERS = r"""
Delivered-To: user@example.com
Received: by 2002:a05:6a10:6c0b:b0:2a1:8c3f:9d21 with SMTP id p11csp1234567pxy; Mon, 14 Mar 2022 10:20:30 -0700 (PDT)
X-Google-Smtp-Source: ABdhPJ
X-Received: by 2002:a17:902:db0f:b0:158:d6f:a3b6 with SMTP id m15-20020a170902db0f00b001580d6fa3b6mr
        Mon, 14 Mar 2022 10:20:30 -0700 (PDT)
ARC-Seal: i=1; a=rsa-sha256; t=1647278430; cv=none;
        d=google.com; s=arc-20160816;
        b=
ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed; d=google.com; s=arc-20160816;
        h=content-transfer-encoding:mime-version:subject:message-id:to:from:date:dkim-signature;
        bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;
        b=
ARC-Authentication-Results: i=1; mx.google.com;
       dkim=pass header.i=@example.com header.s=selector1 header.b=;
       spf=pass (google.com: domain of bounce@example.com designates 192.0.2.1 as permitted sender) smtp.mailfrom=bounce@example.com;
       dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=example.com
ARC-Seal: i=1; a=rsa-sha256; s=arcselector9901; d=microsoft.com; cv=none; b=
ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed; d=microsoft.com;
 s=arcselector9901;
 h=From:Date:Subject:Message-ID:Content-Type:MIME-Version:X-MS-Exchange-AntiSpam-MessageData-ChunkCount:X-MS-Exchange-AntiSpam-MessageData-0:X-MS-Exchange-AntiSpam-MessageData-1;
 bh=
ARC-Authentication-Results: i=1; mx.microsoft.com 1; spf=pass smtp.mailfrom=example.com; dmarc=pass action=none header.from=example.com; dkim=pass header.d=example.com; arc=none
Return-Path: <bounce@example.com>
Return-path: <>
Envelope-to: user@example.com
Delivery-date: Tue, 05 Jan 2021 09:15:00 +0100
Received: from mail-ed1-f41.google.com (mail-ed1-f41.google.com [209.85.208.41])
        by mx.google.com with ESMTPS id
        for <user@example.com>
        (version=TLS1_3 cipher=TLS_AES_128_GCM_SHA256 bits=128/128);
Received-SPF: pass (google.com: domain of bounce@example.com designates 192.0.2.1 as permitted sender) client-ip=192.0.2.1;
Received-SPF: Pass (protection.outlook.com: domain of example.com designates 192.0.2.1 as permitted sender) receiver=protection.outlook.com; client-ip=192.0.2.1; helo=mail.example.com; pr=C
Received-SPF: None (protection.outlook.com: example.com does not designate permitted sender hosts)
Received-SPF: SoftFail (protection.outlook.com: domain of transitioning example.com discourages use of 192.0.2.1 as permitted sender)
Authentication-Results: mx.google.com;
       dkim=pass header.i=@gmail.com header.s=20210112 header.b=
       spf=pass (google.com: domain of
       dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=
Authentication-Results: spf=pass (sender IP is 192.0.2.1)
 smtp.mailfrom=example.com; dkim=pass (signature was verified)
 header.d=example.com;dmarc=pass action=none
 header.from=example.com;compauth=pass reason=100
Authentication-Results: spf=none (sender IP is 192.0.2.1) smtp.mailfrom=; dkim=none (message not signed) header.d=none;dmarc=none action=none header.from=;compauth=fail reason=001
Authentication-Results: smtp.example.org;
	dkim=pass (2048-bit key; unprotected) header.d=example.com header.i=@example.com header.a=rsa-sha256 header.s=default header.b=;
	dkim-atps=neutral
Authentication-Results: mail.example.org; dkim=fail reason="signature verification failed" (2048-bit key; unprotected) header.d=gmail.com
Received: from AM0PR01MB1234.eurprd01.prod.exchangelabs.com (2603:10a6:208:1::12) by
 VI1PR01MB5678.eurprd01.prod.exchangelabs.com with HTTPS; Wed, 2 Feb 2022 12:34:56 +0000
Received: from DM6PR12MB1234.namprd12.prod.outlook.com
 (2603:10b6:5:1::23) by BN6PR1201MB0012.namprd12.prod.outlook.com
 (2603:10b6:405:4c::20) with Microsoft SMTP Server (version=TLS1_2,
 cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.20.5144.22; Thu, 14 Apr
 2022 08:09:10 +0000
Received: from NAM12-BN8-obe.outbound.protection.outlook.com (mail-bn8nam12on2045.outbound.protection.outlook.com [40.107.237.45])
 via Frontend Transport; Thu, 14 Apr 2022 08:09:10 +0000
 by mail.protection.outlook.com (10.13.176.123) with Microsoft SMTP Server (version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.20.5164.19 via Frontend Transport;
 with mapi id 15.20.5144.029;
X-IncomingTopHeaderMarker: OriginalChecksum:;UpperCasedChecksum:;SizeAsReceived:;Count:
X-IncomingHeaderCount:
X-MS-Exchange-Organization-ExpirationStartTime:
X-MS-Exchange-Organization-ExpirationStartTimeReason: OriginalSubmit
X-MS-Exchange-Organization-ExpirationInterval: 1:00:00:00.0000000
X-MS-Exchange-Organization-ExpirationIntervalReason: OriginalSubmit
X-MS-Exchange-Organization-Network-Message-Id:
X-EOPAttributedMessage: 0
X-EOPTenantAttributedMessage: 84df9e7f-e9f6-40af-b435-aaaaaaaaaaaa:0
X-MS-Exchange-Organization-MessageDirectionality: Incoming
X-MS-PublicTrafficType: Email
X-MS-TrafficTypeDiagnostic:
X-MS-Exchange-Organization-AuthSource:
X-MS-Exchange-Organization-AuthAs: Anonymous
X-MS-UserLastLogonTime:
X-MS-Office365-Filtering-Correlation-Id:
X-MS-Exchange-EOPDirect: true
X-Sender-IP:
X-SID-PRA:
X-SID-Result: NONE
X-MS-Exchange-Organization-PCL: 2
X-MS-Exchange-Organization-SCL: 5
X-Microsoft-Antispam: BCL:0;
X-Microsoft-Antispam-Message-Info:
X-MS-Exchange-CrossTenant-OriginalArrivalTime:
X-MS-Exchange-CrossTenant-Network-Message-Id:
X-MS-Exchange-CrossTenant-Id: 84df9e7f-e9f6-40af-b435-aaaaaaaaaaaa
X-MS-Exchange-CrossTenant-AuthSource:
X-MS-Exchange-CrossTenant-AuthAs: Anonymous
X-MS-Exchange-CrossTenant-AuthAs: Internal
X-MS-Exchange-CrossTenant-FromEntityHeader: Internet
X-MS-Exchange-CrossTenant-FromEntityHeader: Hosted
X-MS-Exchange-CrossTenant-RMS-PersistedConsumerOrg: 00000000-0000-0000-0000-000000000000
X-MS-Exchange-CrossTenant-MailboxType: HOSTED
X-MS-Exchange-CrossTenant-UserPrincipalName:
X-MS-Exchange-Transport-CrossTenantHeadersStamped:
X-MS-Exchange-Transport-EndToEndLatency: 00:00:02.1234567
X-MS-Exchange-Processed-By-BccFoldering: 15.20.5144.029
X-MS-Exchange-AntiSpam-MessageData-ChunkCount: 1
X-MS-Exchange-AntiSpam-MessageData-0:
X-MS-Exchange-SenderADCheck: 1
X-MS-Exchange-AntiSpam-Relay: 0
X-MS-Oob-TLC-OOBClassifiers: OLM:10000;
X-Forefront-Antispam-Report: CIP:255.255.255.255;CTRY:;LANG:en;SCL:1;SRV:;IPV:NLI;SFV:NSPM;H:;PTR:;CAT:NONE;SFS:(13230001)(4636009)(366004)(136003)(396003)(376002)(346002)(39860400002)(451199009);DIR:OUT;SFP:1102;
X-Microsoft-Antispam-Mailbox-Delivery:
	ucf:0;jmr:0;ex:0;auth:0;dest:I;ENG:(5062000285)(90000117)(90005022)(91005020)(91035115)(9050020)(9100272)(2008001134)(4810004)(4910013)(9910001)(9575002)(10195002)(9320005);
X-Microsoft-Antispam-Message-Info:
	=?us-ascii?Q?
x-ms-exchange-messagesentrepresentingtype: 1
x-ms-publictraffictype: Email
x-ms-office365-filtering-correlation-id:
x-ms-traffictypediagnostic:
x-ms-oob-tlc-oobclassifiers: OLM:2399;
x-ms-exchange-senderadcheck: 1
x-ms-exchange-antispam-relay: 0
x-microsoft-antispam: BCL:0;
x-microsoft-antispam-message-info:
x-forefront-antispam-report:
x-ms-has-attach: yes
X-MS-Has-Attach:
X-MS-TNEF-Correlator:
x-originating-ip: [192.0.2.1]
X-OriginatorOrg: outlook.com
X-ClientProxiedBy:
Thread-Topic: 
Thread-Index: AQHX
Accept-Language: en-US
Accept-Language: de-DE, en-US
Content-Language: en-US
Content-Language: de-DE
Content-Language: de
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=outlook.com;
 s=selector1;
 h=From:Date:Subject:Message-ID:Content-Type:MIME-Version:X-MS-Exchange-SenderADCheck;
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
        d=gmail.com; s=20210112;
        h=mime-version:references:in-reply-to:from:date:message-id:subject:to:cc;
        h=from:to:cc:subject:date:message-id:in-reply-to:references:mime-version:content-transfer-encoding;
        h=to:references:from:message-id:date:user-agent:mime-version:in-reply-to:content-language:content-transfer-encoding;
        h=date:from:to:cc:subject:message-id:references:mime-version:content-disposition:in-reply-to;
        bh=
X-Google-DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
        d=1e100.net; s=20210112;
        h=x-gm-message-state:mime-version:references:in-reply-to:from:date
         :message-id:subject:to:cc:content-transfer-encoding;
        h=x-gm-message-state:from:to:cc:subject:date:message-id:in-reply-to:references:mime-version:content-transfer-encoding;
X-Gm-Message-State: AOAM53
X-Google-Smtp-Source: ABdhPJ
DKIM-Signature: v=1; a=rsa-sha256; q=dns/txt; c=relaxed/relaxed; t=1647278430; s=mail; d=example.com;
DKIM-Signature: v=1; a=ed25519-sha256; c=simple/simple; d=example.org; s=default; t=; x=; i=@example.org; l=
DomainKey-Signature: a=rsa-sha1; c=nofws; q=dns; d=example.com; s=beta; h=domainkey-signature:mime-version:received:date:message-id:subject:from:to:content-type;
DomainKey-Signature: a=rsa-sha1; q=dns; c=nofws; s=s1024; d=yahoo.com; h=X-YMail-OSG:Received:X-Mailer:References:Message-ID:Date:From:Reply-To:Subject:To:Cc:In-Reply-To:MIME-Version:Content-Type;
Received: from localhost (localhost [127.0.0.1])
	by mail.example.org (Postfix) with ESMTP id
	for <user@example.org>; Fri, 31 Dec 2010 23:59:59 -0500 (EST)
Received: from mail.example.org ([127.0.0.1])
	by localhost (mail.example.org [127.0.0.1]) (amavisd-new, port 10024)
	with ESMTP id
Received: from [192.168.1.10] (unknown [192.0.2.1]) (using TLSv1.2 with cipher ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits)) (No client certificate requested)
	(using TLSv1 with cipher DHE-RSA-AES256-SHA (256/256 bits))
	(No client certificate requested)
	(Client did not present a certificate)
	(Authenticated sender: user@example.org)
	by smtp.example.org (Postfix) with ESMTPSA id
Received: by mail.example.org (Postfix, from userid 1000) id
Received: from mail-qt1-x832.google.com (mail-qt1-x832.google.com [IPv6:2607:f8b0:4864:20::832])
Received: from mail-wm1-f65.google.com ([209.85.128.65]:35456 "EHLO mail-wm1-f65.google.com" rhost-flags-OK-OK-OK-OK)
        by vger.kernel.org with ESMTP id S1726354AbgCKJXY (ORCPT <rfc822;linux-kernel@vger.kernel.org>);
Received: (majordomo@vger.kernel.org) by vger.kernel.org via listexpand
        id S1729876AbgC0Mxq (ORCPT <rfc822;
Received: (qmail 12345 invoked by uid 500); 1 Jun 2004 12:00:00 -0000
Received: (qmail 12345 invoked from network); 1 Jun 2004 12:00:00 -0000
Received: from unknown (HELO mail.example.org) (192.0.2.1) by example.org with SMTP; 
Received: from user by mail.example.org with local (Exim 4.92) (envelope-from <user@example.org>)
Received: from [192.0.2.1] (helo=mail.example.org) by mx.example.org with esmtps (TLS1.2:ECDHE_RSA_AES_256_GCM_SHA384:256) (Exim 4.94)
	(TLS1.3) tls TLS_AES_256_GCM_SHA384
Received: from mail.example.org (mail.example.org [192.0.2.1]) by mx.example.org (8.14.7/8.14.7) with ESMTP id
Received: from mail.example.com (IDENT:root@localhost [127.0.0.1]) by mail.example.com (8.11.6/8.11.6) with ESMTP id
Received: from pop.example.com [127.0.0.1] by localhost with IMAP (fetchmail-6.3.26)
Received: from localhost [127.0.0.1] by localhost with POP3 (fetchmail-5.9.0) for user@localhost (single-drop);
Received: via tmail-2000(13) for user;
Received: from mail.example.com (UnknownHost [192.0.2.1]) by example.com with Microsoft SMTPSVC(5.0.2195.5329);
Received: from DAG1.example.local by EX1.example.local with Microsoft SMTP Server (TLS) id 15.0.1497.2; 
Received: from EX1.example.local ([fe80::1234:5678:9abc:def0]) by EX2.example.local ([fe80::1%13]) with mapi id 14.03.0123.003; 
X-Spam-Checker-Version: SpamAssassin 3.4.2 (2018-09-13) on mail.example.org
X-Spam-Level: 
X-Spam-Level: ****
X-Spam-Status: No, score=-2.6 required=5.0 tests=BAYES_00,DKIM_SIGNED,DKIM_VALID,
	DKIM_VALID_AU,DKIM_VALID_EF,FREEMAIL_FROM,HTML_MESSAGE,MAILING_LIST_MULTI,
	HEADER_FROM_DIFFERENT_DOMAINS,RCVD_IN_DNSWL_HI,RCVD_IN_DNSWL_NONE,RCVD_IN_MSPIKE_H2,SPF_HELO_NONE,SPF_PASS,
	T_SCC_BODY_TEXT_LINE,URIBL_BLOCKED autolearn=ham autolearn_force=no version=3.4.2
X-Spam-Status: Yes, score=8.3 tagged_above=-999 required=6.31 tests=[BAYES_99=3.5] autolearn=no
X-Spam-Flag: YES
X-Spam-Score: -1.899
X-Spam-Report: 
X-Virus-Scanned: amavisd-new at example.org
X-Virus-Scanned: Debian amavisd-new at
X-Virus-Scanned: ClamAV using ClamSMTP
X-Proofpoint-Virus-Version: vendor=baseguard engine=ICAP:2.0.205,Aquarius:18.0.816,Hydra:6.0.425,FMLib:17.11.64.514 definitions=2022-06-15_09,2022-06-15_01,2022-02-23_01
X-Proofpoint-Spam-Details: rule=outbound_notspam policy=outbound score=0 mlxlogscore=999
 adultscore=0 spamscore=0 bulkscore=0 phishscore=0 suspectscore=0 lowpriorityscore=0 malwarescore=0 priorityscore=1501 impostorscore=0 clxscore=1015 classifier=spam adjust=0 reason=mlx scancount=1 engine=8.12.0-
X-Mimecast-Spam-Score: 0
X-IronPort-AV: E=Sophos;i="5.70,423,1574151600"; d="scan'208";a=
X-IronPort-Anti-Spam-Filtered: true
X-IronPort-Anti-Spam-Result: 
X-Amp-Result: SKIPPED(no attachment in message)
X-Amp-File-Uploaded: False
X-ExtLoop1: 1
X-Originating-IP: [192.0.2.1]
X-Sender: user@example.com
X-X-Sender: user@example.com
X-Original-To: user@example.com
X-Delivered-To: user@example.com
X-Provags-ID: V03:K1:
X-UI-Out-Filterresults: notjunk:1;V03:K0:
X-GMX-Antispam: 0 (Mail was not recognized as spam)
X-SG-EID: 
X-SG-ID: 
X-Entity-ID: 
X-Feedback-ID: 
Feedback-ID: 1.eu-west-1.:AmazonSES
X-SES-Outgoing: 2021.03.11-54.240.7.12
X-Mailgun-Sending-Ip: 
X-Mailgun-Sid: 
X-MC-User: 
X-Mandrill-User: 
X-Campaign: mailchimp
X-CampaignID: 
X-Report-Abuse: Please report abuse for this campaign here: https://mailchimp.com/contact/abuse/
X-Auto-Response-Suppress: All
X-CSA-Complaints: csa-complaints@eco.de
List-Unsubscribe-Post: List-Unsubscribe=One-Click
List-Unsubscribe: <https://example.com/unsubscribe?u=>, <mailto:unsubscribe@example.com?subject=unsubscribe>
List-Id: <list.example.org>
List-ID: <linux-kernel.vger.kernel.org>
X-Mailing-List: linux-kernel@vger.kernel.org
List-Subscribe: <https://lists.example.org/mailman/listinfo/list>,
        <mailto:list-request@lists.example.org?subject=subscribe>
List-Unsubscribe: <https://lists.example.org/mailman/options/list>,
 <mailto:list-request@lists.example.org?subject=unsubscribe>
List-Archive: <http://lists.example.org/pipermail/list/>
List-Archive: <https://lore.kernel.org/>
List-Post: <mailto:list@lists.example.org>
List-Help: <mailto:list-request@lists.example.org?subject=help>
List-Owner: <mailto:list-owner@lists.example.org>
List-Software: LISTSERV
X-Mailman-Version: 2.1.29
X-Mailman-Approved-At: Mon, 02 Mar 2020 08:00:00 +1100
X-Mailman-Rule-Hits: nonmember-moderation
X-Mailman-Rule-Misses: dmarc-mitigation; no-senders; approved; emergency; loop; banned-address; member-moderation; header-match-config-1; max-recipients; max-size; news-moderation; no-subject; digests; suspicious-header
Message-ID-Hash: 
X-Message-ID-Hash: 
X-MailFrom: 
Archived-At: <https://lists.example.org/archives/list/list@lists.example.org/message//>
X-BeenThere: list@lists.example.org
X-Loop: list@lists.example.org
Precedence: list
Precedence: bulk
Errors-To: list-admin@lists.example.org
Sender: list-bounces@lists.example.org
Sender: linux-kernel-owner@vger.kernel.org
Errors-To: list-bounces+user=example.com@lists.example.org
Sender: "List" <list-bounces+user=example.com@lists.example.org>
Mail-Followup-To: 
Mail-Copies-To: nobody
Auto-Submitted: auto-generated
Auto-Submitted: auto-replied
Importance: Normal
Importance: high
Priority: normal
X-Priority: 3 (Normal)
X-Priority: 3
X-Priority: 1
X-MSMail-Priority: Normal
X-Mailer: Microsoft Outlook Express 6.00.2800.1106
X-Mailer: Microsoft Outlook, Build 10.0.2627
X-Mailer: Microsoft Outlook 16.0
X-Mailer: Microsoft Office Outlook 12.0
X-Mailer: Microsoft Outlook IMO, Build 9.0.2416 (9.0.2910.0)
X-Mailer: Apple Mail (2.3608.120.23.2.7)
X-Mailer: iPhone Mail (19A404)
X-Mailer: git-send-email 2.25.1
X-Mailer: Evolution 3.30.5-1.1
X-Mailer: PHPMailer 6.5.0 (https://github.com/PHPMailer/PHPMailer)
X-Mailer: WebService/1.1.19711 YMailNorrin Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0.4844.51 Safari/537.36
X-Mailer: QUALCOMM Windows Eudora Version 5.1
X-Mailer: exmh version 2.5 07/13/2001 with nmh-1.0.4
X-Mailer: Ximian Evolution 1.0.8
X-Mailer: Sylpheed 3.5.1 (GTK+ 2.24.32; x86_64-pc-linux-gnu)
X-Mailer: KMail [version 1.4]
X-MimeOLE: Produced By Microsoft MimeOLE V6.00.2800.1165
X-MIMEOLE: Produced By Microsoft Exchange V6.5
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:102.0) Gecko/20100101 Thunderbird/102.4.2
User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:68.0) Gecko/20100101 Thunderbird/68.5.0
User-Agent: Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:91.0) Gecko/20100101 Thunderbird/91.13.0
User-Agent: Mozilla Thunderbird
User-Agent: Mutt/1.10.1 (2018-07-13)
User-Agent: Mutt/1.5.21 (2010-09-15)
User-Agent: Roundcube Webmail/1.4.2
User-Agent: Alpine 2.21 (DEB 202 2017-01-01)
User-Agent: KMail/1.13.7 (Linux/3.2.0; KDE/4.8.4; x86_64; ; )
User-Agent: Evolution 3.36.5-0ubuntu1
User-Agent: Microsoft-MacOutlook/16.61.22050700
User-Agent: SquirrelMail/1.4.23
X-Enigmail-Version: 1.4
X-Operating-System: Linux
X-Accept-Language: en-us, en
X-Webmail-Client: 
X-PHP-Originating-Script: 0:class.phpmailer.php
X-PHP-Script: 
X-AntiAbuse: This header was added to track abuse, please include it with any abuse report
X-AntiAbuse: Primary Hostname - 
X-AntiAbuse: Original Domain - 
X-AntiAbuse: Originator/Caller UID/GID - [47 12] / [47 12]
X-AntiAbuse: Sender Address Domain - 
X-Get-Message-Sender-Via: 
X-Authenticated-Sender: 
X-Source: 
X-Source-Args: 
X-Source-Dir: 
X-Authority-Analysis: v=2.4 cv= c=1 sm=1 tr=0
X-CMAE-Envelope: 
X-Developer-Signature: v=1; a=openpgp-sha256; l=
X-Developer-Key: i=
X-Change-ID: 
X-B4-Tracking: v=1; b=
X-Patchwork-Delegate: 
X-Patchwork-Id: 
X-Mozilla-Status: 0001
X-Mozilla-Status2: 00000000
X-Mozilla-Keys:                                                                                 
X-UIDL: 
X-Evolution-Source: 
X-KMail-EncryptionState: 
Status: RO
X-Status: 
X-Keywords: 
Lines: 
Content-Length: 
Organization: 
Disposition-Notification-To: 
Return-Receipt-To: 
Autocrypt: addr=; prefer-encrypt=mutual; keydata=
Openpgp: preference=signencrypt
X-Face: 
Face: 
Newsgroups: 
Path: 
Xref: 
NNTP-Posting-Host: 
NNTP-Posting-Date: 
X-Trace: 
X-Complaints-To: usenet@main.gmane.org
X-Injected-Via-Gmane: http://gmane.org/
X-Gmane-NNTP-Posting-Host: 
Reply-To: 
Resent-From: 
Resent-To: 
Resent-Date: 
Resent-Message-ID: 
Bcc: 
Comments: 
Keywords: 
Date: Mon, 1 Jan 2024 12:00:00 +0100
Date: Tue, 6 Feb 2018 08:30:00 +0200
Date: Wed, 13 Mar 2013 16:45:12 +0000 (UTC)
Date: Thu, 25 Apr 2002 21:05:43 -0700 (PDT)
Date: Fri, 28 May 2010 03:27:09 -0400 (EDT)
Date: Sat, 29 Jun 2019 14:55:31 -0500 (CDT)
Date: Sun, 28 Jul 2019 17:38:24 +0300
, Aug 2020 00:00:00 GMT
, Sep 2021 11:11:11 +0530
, Oct 2022 22:22:22 +0800
, Nov 2023 09:09:09 +0900
, Dec 2015 18:18:18 -0800 (PST)
Message-Id: <20190628112233.
Message-ID: <CA+
Message-ID: <CAHk-
Message-ID: <@mail.gmail.com>
Message-ID: <@eurprd01.prod.outlook.com>
Message-ID: <@namprd12.prod.outlook.com>
Message-ID: <@example.org>
Message-ID: <Pine.LNX.4.64.
Message-ID: <alpine.DEB.2.21.
Message-ID: <.JavaMail.root@>
References: <
 <
	<
In-Reply-To: <
In-reply-to: <
Subject: Re: [PATCH v2 1/3] 
Subject: Re: 
Subject: RE: 
Subject: Fwd: 
Subject: FW: 
Subject: AW: 
Subject: WG: 
Subject: Antwort: 
Subject: [PATCH 
Subject: =?UTF-8?B?
Subject: =?UTF-8?Q?
 =?UTF-8?Q?
Subject: =?utf-8?B?
Subject: =?iso-8859-1?Q?
Subject: =?ISO-8859-1?Q?
Subject: =?windows-1252?Q?
From: =?UTF-8?Q?
From: "
From: 
To: undisclosed-recipients:;
To: "
To: 
Cc: "
Cc: 
CC: 
,
        
,
	
 (was: 
"MIME-Version: 1.0
Mime-Version: 1.0
MIME-version: 1.0
MIME-Version: 1.0 (Mac OS X Mail 13.4 \(3608.120.23.2.7\))
Content-Type: text/plain; charset=utf-8; format=flowed
Content-Type: text/plain; charset=UTF-8; format=flowed; delsp=yes
Content-Type: text/plain; charset=ISO-8859-1; format=flowed
Content-Type: text/plain;
	charset="iso-8859-1"
Content-Type: text/plain; charset="us-ascii"
Content-Type: text/plain; charset=us-ascii
Content-type: text/plain; charset=US-ASCII
Content-Type: text/plain; charset=iso-8859-15
Content-Type: text/plain; charset="UTF-8"
Content-Type: text/plain; charset=UTF-8
Content-Type: text/html; charset="UTF-8"
Content-Type: text/html; charset=utf-8
Content-Type: text/html;
	charset="Windows-1252"
Content-Type: multipart/signed; micalg=pgp-sha1; protocol="application/pgp-signature"; boundary="
Content-Type: multipart/signed; micalg="pgp-sha256";
	protocol="application/pgp-signature"; boundary="
Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="----
Content-Type: multipart/mixed;
 boundary="------------
Content-Type: multipart/mixed; boundary="
Content-Type: multipart/related;
	boundary="----=_NextPart_000_0001_01D8
	type="multipart/alternative";
Content-Type: multipart/related; boundary="
Content-Type: multipart/report; report-type=delivery-status; boundary="
Content-Type: multipart/alternative;
	boundary="----=_NextPart_000_0000_01C2
Content-Type: multipart/alternative;
	boundary="_000_
Content-Type: multipart/alternative; boundary="0000000000
Content-Type: multipart/alternative; boundary=
	boundary="Apple-Mail=_
	boundary="----=_Part_
 boundary="b1_
Content-Type: message/rfc822
Content-Type: message/delivery-status
Content-Type: application/octet-stream; name="
Content-Type: application/pdf;
	name="
Content-Type: application/pdf; name="
Content-Type: application/vnd.openxmlformats-officedocument.wordprocessingml.document; name="
Content-Type: application/vnd.openxmlformats-officedocument.spreadsheetml.sheet;
Content-Type: application/vnd.openxmlformats-officedocument.presentationml.presentation;
Content-Type: application/msword;
Content-Type: application/vnd.ms-excel;
Content-Type: application/zip;
Content-Type: application/gzip; name="
Content-Type: application/x-zip-compressed;
Content-Type: application/ms-tnef; name="winmail.dat"
Content-Type: application/pgp-signature; name="signature.asc"
Content-Description: OpenPGP digital signature
Content-Type: application/pgp-signature; name="OpenPGP_signature.asc"
Content-Disposition: attachment; filename="OpenPGP_signature"
Content-Type: application/pgp-keys; name="OpenPGP_0x
Content-Type: application/pkcs7-signature; name="smime.p7s"
Content-Disposition: attachment; filename="smime.p7s"
Content-Description: S/MIME Cryptographic Signature
Content-Type: image/png; name="image001.png"
Content-Type: image/jpeg; name="image002.jpg"
Content-Type: image/gif; name="
Content-Type: image/png;
 name="
Content-Type: text/calendar; charset="utf-8"; method=REQUEST
Content-Type: text/x-patch; charset=UTF-8; name="
Content-Type: text/x-log; charset=UTF-8;
Content-Type: text/x-csrc; charset=us-ascii
Content-Description: This is a digitally signed message part
Content-Description: 
Content-Disposition: inline
Content-Disposition: inline; filename="signature.asc"
Content-Disposition: inline;
	filename="image001.png"; size=; creation-date="
	modification-date="
Content-Disposition: attachment; filename="
Content-Disposition: attachment;
	filename="
Content-Disposition: attachment;
 filename="
 filename*=utf-8''
 filename*0*=
Content-ID: <image001.png@01D8
Content-Id: <
Content-ID: <
Content-Location: 
X-Attachment-Id: f_
X-Attachment-Id: ii_
Content-MD5: 
Content-Transfer-Encoding: 7bit
Content-Transfer-Encoding: 8bit
Content-Transfer-Encoding: 8BIT
Content-Transfer-Encoding: base64
Content-transfer-encoding: 7BIT
Content-Transfer-Encoding: quoted-printable

"""

MIME = r"""This is a multi-part message in MIME format.

This is a multi-part message in MIME format...

This is a cryptographically signed message in MIME format.

This is an OpenPGP/MIME signed message (RFC 4880 and 3156)

This message is in MIME format.  Since your mail reader does not understand this format, some or all of this message may not be legible.

--===============1234567890123456789==
Content-Type: text/plain; charset="us-ascii"
MIME-Version: 1.0
Content-Transfer-Encoding: 7bit
Content-Disposition: inline

_______________________________________________
list mailing list
list@lists.example.org
http://lists.example.org/mailman/listinfo/list

--===============1234567890123456789==--

_______________________________________________
list mailing list -- list@lists.example.org
To unsubscribe send an email to list-leave@lists.example.org

--
To unsubscribe from this list: send the line "unsubscribe list" in
the body of a message to majordomo@vger.kernel.org
More majordomo info at  http://vger.kernel.org/majordomo-info.html
Please read the FAQ at  http://www.tux.org/lkml/

-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA1
Hash: SHA256

-----BEGIN PGP SIGNATURE-----
Version: GnuPG v1.4.11 (GNU/Linux)
Version: GnuPG v2
Comment: Using GnuPG with Thunderbird - http://www.enigmail.net/
Comment: Using GnuPG with Mozilla - http://enigmail.mozdev.org/

iQEcBAEBAgAGBQJ
iQEzBAEBCAAdFiEE
iQIzBAEBCAAdFiEE
iQIcBAEBAgAGBQJ
wsB5BAABCAAjFiEE
-----END PGP SIGNATURE-----
-----BEGIN PGP PUBLIC KEY BLOCK-----
-----END PGP PUBLIC KEY BLOCK-----
------------------------------------------------------------------------------
-------- Original Message --------
-------- Forwarded Message --------
---------- Forwarded message ---------
---------- Forwarded message ----------
-----Original Message-----
-----Ursprüngliche Nachricht-----
-----Urspr=C3=BCngliche Nachricht-----
-----Urspr=FCngliche Nachricht-----
Von: 
Gesendet: Montag, 
An: 
Betreff: 
Datum: 
Begin forwarded message:
Subject: 
Date: 
From: 
Sent: Monday, January 
To: 
Cc: 
> -----Original Message-----
> From: 
> Sent: Tuesday, February 
> To: 
> Cc: 
> Subject: RE: 
On Mon, Jan 1, 2018 at 10:00 AM, 
On Tue, Feb 06, 2018 at 08:30:00AM +0100, 
On Wed, 13 Mar 2013 at 
On Thursday, 25 April 2002 at 
On 02/03/2015 11:12 AM, 
On 2020-08-11 10:00, 
On 5/28/20 3:27 AM, 
 wrote:
 wrote:

> 
 writes:

Am 01.02.2019 um 12:00 schrieb 
Am Montag, den 01.02.2019, 12:00 +0100 schrieb 
 schrieb am 
Quoting 
>> 
>>> 
>>>> 
> > 
> > > 
> > > > 
>
> >
>>
>> On 
> On 
> Hi,
> Thanks,
> Signed-off-by: 
[...]
[snip]
Reported-by: 
Suggested-by: 
Reviewed-by: 
Acked-by: 
Tested-by: 
Signed-off-by: 
Cc: stable@vger.kernel.org
Fixes: ("
Link: https://lore.kernel.org/r/
Closes: 
---
 1 file changed, 1 insertion(+), 1 deletion(-)
 2 files changed, 10 insertions(+), 3 deletions(-)
 create mode 100644 
 delete mode 100644 
 |  2 +-
 |   10 ++++++++++
 | 12 +++++++-----

diff --git a/
diff -urN linux/
index 
new file mode 100644
--- a/
--- /dev/null
+++ b/
@@ -1,6 +1,7 @@
@@ -10,7 +10,7 @@ static int 
@@ -0,0 +1,20 @@
+#include <linux/
+#include "
+// SPDX-License-Identifier: GPL-2.0
+/*
+ * 
+ */
+static int 
+static void 
+static inline 
+struct 
+	struct 
+	int ret;
+	unsigned int 
+	const char *
+	if (!
+	if (ret)
+	if (ret < 0)
+		return ret;
+		return -EINVAL;
+		return -ENOMEM;
+		goto out;
+	return 0;
+	for (i = 0; i < 
+	while (
+	} else {
+		break;
+	case 
+	switch (
+	spin_lock(&
+	spin_unlock(&
+	mutex_lock(&
+	mutex_unlock(&
+	kfree(
+	printk(KERN_ERR "
+	dev_err(
+EXPORT_SYMBOL_GPL(
+MODULE_LICENSE("GPL");
-- 
2.25.1

-- 
1.7.10.4

-- 
Final-Recipient: rfc822; 
Original-Recipient: rfc822; 
Reporting-MTA: dns; 
Arrival-Date: 
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 
Remote-MTA: dns; 
This is the mail system at host 
I'm sorry to have to inform you that your message could not be delivered to one or more recipients.
Delivery to the following recipient failed permanently:
BEGIN:VCALENDAR
PRODID:-//Google Inc//Google Calendar 70.9054//EN
VERSION:2.0
CALSCALE:GREGORIAN
METHOD:REQUEST
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
ORGANIZER;CN=
ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;CN=
DESCRIPTION:
LOCATION:
SEQUENCE:0
STATUS:CONFIRMED
SUMMARY:
TRANSP:OPAQUE
BEGIN:VALARM
ACTION:DISPLAY
TRIGGER:-PT15M
END:VALARM
END:VEVENT
END:VCALENDAR
BEGIN:VCARD
END:VCARD
"""

HTML = r"""<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">
<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN" "http://www.w3.org/TR/html4/loose.dtd">
<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.0 Transitional//EN">
<!doctype html>
<!DOCTYPE html>
<html lang="en" xmlns="http://www.w3.org/1999/xhtml" xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office">
<html xmlns:v=3D"urn:schemas-microsoft-com:vml" xmlns:o=3D"urn:schemas-micr=
osoft-com:office:office" xmlns:w=3D"urn:schemas-microsoft-com:office:word" =
xmlns:m=3D"http://schemas.microsoft.com/office/2004/12/omml" xmlns=3D"http:=
//www.w3.org/TR/REC-html40">
<head>
<meta http-equiv=3D"Content-Type" content=3D"text/html; charset=3Diso-8859-=
1">
<meta http-equiv=3D"Content-Type" content=3D"text/html; charset=3Dutf-8">
<meta name=3D"Generator" content=3D"Microsoft Word 15 (filtered medium)">
<meta http-equiv="Content-Type" content="text/html; charset=utf-8">
<meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
<META http-equiv=Content-Type content="text/html; charset=iso-8859-1">
<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=windows-1252">
<META content="MSHTML 6.00.2800.1106" name=GENERATOR>
<meta charset="utf-8">
<meta http-equiv="X-UA-Compatible" content="IE=edge">
<meta name="viewport" content="width=device-width, initial-scale=1.0">
<meta name="viewport" content="width=device-width, initial-scale=1, maximum-scale=1">
<meta name="format-detection" content="telephone=no">
<meta name="x-apple-disable-message-reformatting">
<title></title>
<!--[if gte mso 9]><xml><o:OfficeDocumentSettings><o:AllowPNG/><o:PixelsPerInch>96</o:PixelsPerInch></o:OfficeDocumentSettings></xml><![endif]-->
<!--[if mso]>
<!--[if !mso]><!-->
<!--<![endif]-->
<![endif]-->
<!--[if (gte mso 9)|(IE)]><table width="600" align="center" cellpadding="0" cellspacing="0" border="0"><tr><td><![endif]-->
<!--[if !mso]><style>v\:* {behavior:url(#default#VML);}
o\:* {behavior:url(#default#VML);}
w\:* {behavior:url(#default#VML);}
.shape {behavior:url(#default#VML);}
</style><![endif]--><style><!--
/* Font Definitions */
@font-face
	{font-family:"Cambria Math";
	panose-1:2 4 5 3 5 4 6 3 2 4;}
@font-face
	{font-family:Calibri;
	panose-1:2 15 5 2 2 2 4 3 2 4;}
/* Style Definitions */
p.MsoNormal, li.MsoNormal, div.MsoNormal
	{margin:0in;
	margin-bottom:.0001pt;
	font-size:11.0pt;
	font-family:"Calibri",sans-serif;
	mso-fareast-language:EN-US;}
a:link, span.MsoHyperlink
	{mso-style-priority:99;
	color:#0563C1;
	text-decoration:underline;}
a:visited, span.MsoHyperlinkFollowed
	{mso-style-priority:99;
	color:#954F72;
	text-decoration:underline;}
span.EmailStyle17
	{mso-style-type:personal-compose;
	font-family:"Calibri",sans-serif;
	color:windowtext;}
.MsoChpDefault
	{mso-style-type:export-only;
@page WordSection1
	{size:8.5in 11.0in;
	margin:1.0in 1.0in 1.0in 1.0in;}
div.WordSection1
	{page:WordSection1;}
--></style><!--[if gte mso 9]><xml>
<o:shapedefaults v:ext=3D"edit" spidmax=3D"1026" />
</xml><![endif]--><!--[if gte mso 9]><xml>
<o:shapelayout v:ext=3D"edit">
<o:idmap v:ext=3D"edit" data=3D"1" />
</o:shapelayout></xml><![endif]-->
</head>
<body lang=3D"EN-US" link=3D"#0563C1" vlink=3D"#954F72">
<div class=3D"WordSection1">
<p class=3D"MsoNormal"><o:p>&nbsp;</o:p></p>
<p class=3D"MsoNormal"><span style=3D"font-size:11.0pt;font-family:&quot;Cal=
ibri&quot;,sans-serif;color:#1F497D"><o:p>&nbsp;</o:p></span></p>
<div style=3D"border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0=
in 0in">
<p class=3D"MsoNormal"><b>From:</b> <br>
<b>Sent:</b> <br>
<b>To:</b> <br>
<b>Subject:</b> <o:p></o:p></p>
<style type="text/css" style="display:none;"> P {margin-top:0;margin-bottom:0;} </style>
<style type=3D"text/css" style=3D"display:none;"> P {margin-top:0;margin-bo=
ttom:0;} </style>
<body dir=3D"ltr">
<div style=3D"font-family: Calibri, Arial, Helvetica, sans-serif; font-size=
: 12pt; color: rgb(0, 0, 0);">
<div id=3D"appendonsend"></div>
<hr style=3D"display:inline-block;width:98%" tabindex=3D"-1">
<div id=3D"divRplyFwdMsg" dir=3D"ltr"><font face=3D"Calibri, sans-serif" st=
yle=3D"font-size:11pt" color=3D"#000000"><b>From:</b>
<div dir="ltr"><div><br></div><div><br></div>
<div dir=3D"ltr"><div><br></div><div>
<div class="gmail_quote"><div dir="ltr" class="gmail_attr">On Mon, Jan 1, 2018 at 10:00 AM 
&lt;<a href="mailto:user@example.com">user@example.com</a>&gt; wrote:<br></div><blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex">
<div class=3D"gmail_extra"><br><div class=3D"gmail_quote">
<span dir=3D"ltr">&lt;<a href=3D"mailto:user@example.com" target=3D"_blank">user@example.com</a>&gt;</span> wrote:<br><blockquote class=3D"gmail_quote" style=3D"margin:0 0 0 .8ex;border-left:1px #ccc solid;padding-left:1ex">
</blockquote></div><br></div>
<br clear=3D"all"><div><br></div>-- <br><div dir=3D"ltr" class=3D"gmail_signature" data-smartmail=3D"gmail_signature">
</div></div></div></blockquote></div>
<div class=3D"HOEnZb"><div class=3D"h5">
<font color=3D"#888888">
<div class="moz-cite-prefix">On 02/03/2015 11:12 AM,
 wrote:<br>
</div>
<blockquote type="cite" cite="mid:
<body text="#000000" bgcolor="#FFFFFF">
<blockquote type=3D"cite">
<pre class="moz-signature" cols="72">-- 
<div style=3D"word-wrap: break-word; -webkit-nbsp-mode: space; -webkit-line-break: after-white-space;" class=3D"">
<br class=3D"Apple-interchange-newline">
<div><br class=3D""></div>
<span class=3D"Apple-converted-space">&nbsp;</span>
<FONT face=3DArial size=3D2></FONT>
<DIV><FONT face=3DArial size=3D2></FONT>&nbsp;</DIV>
<BLOCKQUOTE style=3D"PADDING-RIGHT: 0px; PADDING-LEFT: 5px; MARGIN-LEFT: 5px; BORDER-LEFT: #000000 2px solid; MARGIN-RIGHT: 0px">
<SPAN class=3D
<P>
</P>
<P align=center><FONT color=#ff0000 size=4><B>
<TABLE cellSpacing=0 cellPadding=0 width="100%" border=0><TBODY><TR><TD>
</TD></TR></TBODY></TABLE>
<center>
<table width=3D"100%" border=3D"0" cellspacing=3D"0" cellpadding=3D"0">
<td align=3D"center" valign=3D"top" style=3D"
<style type="text/css">
body { margin: 0; padding: 0; -webkit-text-size-adjust: 100%; -ms-text-size-adjust: 100%; background-color: #ffffff; }
table, td { mso-table-lspace: 0pt; mso-table-rspace: 0pt; border-collapse: collapse; }
img { border: 0; height: auto; line-height: 100%; outline: none; text-decoration: none; -ms-interpolation-mode: bicubic; display: block; }
.ExternalClass, .ExternalClass p, .ExternalClass span, .ExternalClass font, .ExternalClass td, .ExternalClass div { line-height: 100%; }
#outlook a { padding: 0; }
.ReadMsgBody { width: 100%; }
a[x-apple-data-detectors] { color: inherit !important; text-decoration: none !important; font-size: inherit !important; font-family: inherit !important; font-weight: inherit !important; line-height: inherit !important; }
@media only screen and (max-width: 480px) { .mobile { width: 100% !important; display: block !important; } }
@media only screen and (max-width:600px) { table[class=container] { width: 100% !important; max-width: 100% !important; } .hide { display: none !important; } }
@media screen and (min-width: 600px) {
@import url('https://fonts.googleapis.com/css?family=Open+Sans:400,700');
font-family: -apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif, 'Apple Color Emoji', 'Segoe UI Emoji', 'Segoe UI Symbol';
font-family: 'Helvetica Neue', Helvetica, Arial, sans-serif;
font-family:Arial,Helvetica,sans-serif;font-size:14px;line-height:20px;color:#333333;text-align:left;
font-family: Verdana, Geneva, sans-serif; font-size: 12px; font-weight: bold; color: #666666; text-decoration: none;
</style>
</head>
<body bgcolor="#ffffff" style="margin:0;padding:0;width:100%;background-color:#f6f6f6;" leftmargin="0" topmargin="0" marginwidth="0" marginheight="0">
<div style="display:none;font-size:1px;line-height:1px;max-height:0px;max-width:0px;opacity:0;overflow:hidden;">
<table border="0" cellpadding="0" cellspacing="0" width="100%" style="border-collapse:collapse;" role="presentation">
<table align="center" border="0" cellpadding="0" cellspacing="0" width="600" class="container" style="width:600px;max-width:600px;margin:0 auto;" bgcolor="#ffffff">
<tbody><tr><td align="center" valign="top" style="padding:20px 0 20px 0;">
<td style="padding:10px 20px;font-family:Arial,sans-serif;font-size:16px;line-height:24px;color:#000000;">
<td height="20" style="font-size:0;line-height:0;">&nbsp;</td>
<td width="10">&nbsp;</td>
<p style="margin:0 0 16px 0;">
<a href="https://www.example.com/" target="_blank" style="color:#1155cc;text-decoration:underline;">
<a href="https://click.example.com/?qs=" target="_blank" rel="noopener noreferrer" style="display:inline-block;padding:12px 24px;background-color:#007bff;border-radius:4px;color:#ffffff;font-weight:bold;text-decoration:none;">
<img src="https://www.example.com/images/logo.png" alt="" width="600" height="100" border="0" style="display:block;border:0;max-width:100%;height:auto;">
<img src="cid:image001.png@01D8" alt="" width="1" height="1">
<img src="data:image/png;base64,
<span style="font-size:12px;color:#999999;">
<strong></strong><br />
<br><br>
&nbsp;&nbsp;&nbsp;
&nbsp;
&amp;
&lt;
&gt;
&quot;
&#39;
&copy;
&rsquo;
&ndash;
<ul><li></li></ul>
<h1 style="margin:0;font-size:24px;">
<h2>
<b></b>
<i>
</span></p>
</a></td>
</tr>
<tr>
<td>
</td></tr></tbody></table>
</td>
</tr>
</table>
</td></tr></table>
</div>
</body>
</html>
</BODY></HTML>
=20
=3D"
=
=C2=A0
=E2=80=99
=C3=A4
=C3=BC
=C3=B6
=C3=9F
=E4
=FC
=F6
=A0
"""

TEXT = r"""
Hi,
Hi all,
Hi everyone,
Hello,
Hello everyone,
Dear Sir or Madam,
Dear Customer,
Dear all,
Good morning,
Sehr geehrte Damen und Herren,
Sehr geehrter Herr 
Sehr geehrte Frau 
Guten Tag 
Guten Morgen,
Hallo zusammen,
Hallo 
Liebe Kolleginnen und Kollegen,
Lieber Herr 
Liebe Frau 

vielen Dank für Ihre Nachricht. Wir haben Ihre Anfrage erhalten und werden uns so schnell wie möglich bei Ihnen melden.
anbei erhalten Sie die Rechnung für 
im Anhang finden Sie die gewünschten Unterlagen.
wie besprochen sende ich Ihnen 
Bitte beachten Sie, dass 
Bitte geben Sie uns kurz Bescheid, ob der Termin für Sie passt.
Für Rückfragen stehe ich Ihnen gerne zur Verfügung.
Wenn Sie Fragen haben, können Sie sich jederzeit an uns wenden.
Ich wünsche Ihnen ein schönes Wochenende.
Über eine baldige Rückmeldung würde ich mich freuen.
Diese E-Mail wurde automatisch erstellt. Bitte antworten Sie nicht auf diese Nachricht.
Diese E-Mail enthält vertrauliche und/oder rechtlich geschützte Informationen. Wenn Sie nicht der richtige Adressat sind oder diese E-Mail irrtümlich erhalten haben, informieren Sie bitte sofort den Absender und vernichten Sie diese E-Mail.
Mit freundlichen Grüßen
Mit freundlichen Gr=C3=BC=C3=9Fen
Mit freundlichen Gr=FC=DFen
Viele Grüße
Beste Grüße
Freundliche Grüße
i. A. 
Geschäftsführer: 
Sitz der Gesellschaft: 
Handelsregister: Amtsgericht 
USt-IdNr.: DE
Telefon: +49 
Telefax: +49 
Tel.: 
Fax: 
Mobil: 
E-Mail: 
Internet: www.
Straße 
Rechnung Nr. 
Bestellung 
Auftrag 
Lieferung 
Kundennummer 
Betrag 
EUR
der die das und ist nicht ein eine einen einer eines dem den des mit von für auf zu im in an als auch wird werden wurde sind haben hat kann können sich nach bei aus über oder aber wenn noch nur wie so dass diese dieser dieses wir Sie ich es uns Ihnen Ihre Ihren unsere bitte danke durch um vor zum zur bis mehr keine sein alle schon sehr 

Thank you for your email. 
Thanks for your help.
Thanks for the quick reply.
Thank you very much for 
Please find attached 
Please let me know if you have any questions.
Please do not hesitate to contact me.
Please do not reply to this email. This mailbox is not monitored and you will not receive a response.
If you have any questions, please contact us at 
If you no longer wish to receive these emails, you can unsubscribe here.
If you cannot see this email correctly, click here to view it in your browser.
You are receiving this email because you signed up for 
To unsubscribe from this group and stop receiving emails from it, send an email to 
You received this message because you are subscribed to the Google Groups "
To view this discussion on the web visit https://groups.google.com/d/msgid/
This email was sent to user@example.com
This message was sent from a notification-only address that cannot accept incoming email.
This e-mail and any attachments are confidential and may be privileged. If you are not the intended recipient, please notify the sender immediately by return e-mail and delete it. Any unauthorised copying, disclosure or distribution of the material in this e-mail is strictly forbidden.
This email has been checked for viruses by Avast antivirus software.
IMPORTANT NOTICE: 
All rights reserved.
Copyright (c) 
Privacy Policy | Terms of Service | Unsubscribe
Update your preferences
View in browser
Forward to a friend
Click here to 
Click the link below to verify your account: 
We have noticed unusual activity on your account. 
Your account will be suspended 
Your password will expire 
Your order has been shipped
Your invoice is attached.
Dear user@example.com,
Follow us on Facebook Twitter LinkedIn Instagram YouTube
http://www.
https://www.
http://
https://
https://github.com/
https://lists.
https://bugzilla.
https://en.wikipedia.org/wiki/
https://www.facebook.com/
https://twitter.com/
https://www.linkedin.com/
https://www.youtube.com/
.com/
.org/
.net/
.html
.php?id=
.aspx
?utm_source=newsletter&utm_medium=email&utm_campaign=
&amp;utm_medium=email&amp;utm_campaign=
@gmail.com
@googlemail.com
@yahoo.com
@hotmail.com
@outlook.com
@gmx.de
@web.de
@t-online.de
@aol.com
@redhat.com
@suse.de
@suse.com
@intel.com
@oracle.com
@kernel.org
@vger.kernel.org
@lists.
Best regards,
Kind regards,
Regards,
Best,
Cheers,
Thanks,
Thanks!
Thank you,
Many thanks,
Sincerely,
Yours sincerely,
Sent from my iPhone
Sent from my iPad
Sent from Mail for Windows 10
Von meinem iPhone gesendet
Get Outlook for iOS
Do You Yahoo!?
Confidentiality notice: 
 I have a question about the 
 I am trying to 
 I don't know if 
 I don't think that 
 I think that the 
 I would like to 
 I'm not sure 
 It looks like the 
 it would be nice to 
 In this case, the 
 There is a problem with 
 This is because 
 What is the 
 You can use the 
 You should be able to 
 as well as 
 at the same time 
 because of the 
 does not work 
 for example, 
 from the 
 has been 
 have to be 
 however, 
 in order to 
 instead of 
 is there any way to 
 of the 
 on the 
 should be 
 that the 
 the following 
 there are some 
 to be able to 
 to the 
 we need to 
 which is 
 with the 
 would be 
about after again all also always and another any are back been before being between both but can change could course did different does done down each either enough error even every example fact file find first fix following found get getting give going good great had have help here how issue just kernel know last least less let like little long look made make many maybe might more most much must need never new next nothing now number old only other our out over own part people point probably problem question really reason right run running same say see seems set several should show since some something still such support sure system take test than that their them then there these they thing things think this those though through time try trying two under understand until use used user using version very want was way well were what when where whether which while will with without work working works would wrong year years yes yet you your
January February March April May June July August September October November December Monday Tuesday Wednesday Thursday Friday Saturday Sunday
Januar Februar März Mai Juni Juli Oktober Dezember Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag
"""

CHUNKS = 6000
SEED = 20261122


def lines_of(text):
    return [line for line in text.split("\n") if line]


def random_token(rng, alphabet, n):
    return "".join(rng.choice(alphabet) for _ in range(n))


def random_words(rng, words, n):
    return " ".join(rng.choice(words) for _ in range(n))


def sample(rng):
    """One made-up message: header lines with random values, then text, quotes or HTML."""
    words = [w for w in TEXT.split() if w.isalpha()]
    b64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    hexa = "0123456789abcdef"
    out = []
    for line in rng.sample(lines_of(HEADERS), rng.randint(12, 40)):
        out.append(line)
        kind = rng.random()
        if kind < 0.25:
            for _ in range(rng.randint(1, 5)):
                out.append("         " + random_token(rng, b64, rng.randint(40, 66)))
        elif kind < 0.4:
            out[-1] += random_token(rng, hexa, rng.randint(8, 32))
        elif kind < 0.6:
            out[-1] += "<%s.%s@%s.%s>" % (
                random_token(rng, "0123456789", 14), random_token(rng, hexa, 8), rng.choice(words), "com")
        elif kind < 0.8:
            out[-1] += "%d.%d.%d.%d; %s, %d %s 20%02d %02d:%02d:%02d +0%d00" % (
                rng.randrange(256), rng.randrange(256), rng.randrange(256), rng.randrange(256), rng.choice("Mon Tue Wed".split()),
                rng.randrange(1, 31), rng.choice("Jan Feb Mar Apr Jun Sep".split()), rng.randrange(25), rng.randrange(24),
                rng.randrange(60), rng.randrange(60), rng.randrange(9))
    out.append("")
    body = rng.random()
    for _ in range(rng.randint(3, 40)):
        if body < 0.3:
            out.append(rng.choice(lines_of(HTML)) + random_words(rng, words, rng.randint(0, 8)))
        elif body < 0.5:
            out.append(rng.choice(["> ", "> > ", "+", "-", " ", ""]) + rng.choice(lines_of(MIME)))
        else:
            out.append(rng.choice(["", "", "> "]) + random_words(rng, words, rng.randint(4, 14)))
    return ("\n".join(out) + "\n").encode()


def main():
    rng = random.Random(SEED)
    content = (TEXT + HTML + MIME + HEADERS).encode()
    samples = [sample(rng) for _ in range(CHUNKS)]
    zstd = ctypes.CDLL("libzstd.so.1")
    zstd.ZDICT_finalizeDictionary.restype = ctypes.c_size_t
    room = len(content) + 4096
    out = ctypes.create_string_buffer(room)
    sizes = (ctypes.c_size_t * len(samples))(*map(len, samples))

    class Params(ctypes.Structure):
        _fields_ = [("level", ctypes.c_int), ("notification", ctypes.c_uint), ("dict_id", ctypes.c_uint)]

    n = zstd.ZDICT_finalizeDictionary(out, ctypes.c_size_t(room), content, ctypes.c_size_t(len(content)),
                                      b"".join(samples), sizes, len(samples), Params(3, 0, 0x7FFF0001))
    if n > room:
        sys.exit("libzstd refused")
    with open(sys.argv[1], "wb") as f:
        f.write(out.raw[:n])
    print(len(content), "bytes of text,", n, "bytes of dictionary, first bytes", base64.b16encode(out.raw[:8]).decode())


if __name__ == "__main__":
    main()
