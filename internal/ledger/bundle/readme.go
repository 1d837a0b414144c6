package bundle

// readme is README.txt of every bundle.
const readme = `云庭 案卷导出包
================

本压缩包可以离线证明自身未被改动，无需联系法院服务器。

核验方法：
  1. 从可信来源取得 yunting 程序，运行：  yunting verify 本文件.zip
  2. 向法院官方渠道核对账本公钥（manifest.json 中的 "key"），再运行：
         yunting verify --key 公钥 本文件.zip
     不核对公钥时，只能证明本包内部一致，不能证明由哪一法院签署。
  3. 任何一个字节被改动，核验即失败，并指出所在文件。

内容：
  manifest.json          全部文件的清单（大小、SHA-256）
  seal.json              清单在账本中的存在证明
  entries/NNNN.json      案卷条目，按顺序编号
  proofs/NNNN.json       每一条目在账本中的存在证明
  files/SHA-256/文件名   条目所附的文件

不用 yunting 也可核验：叶子哈希 = SHA-256(0x00 || salt || SHA-256(条目字节))，
按 RFC 6962 第 2.1.1 节用 proofs 中的 hashes 计算树根，与 checkpoint（C2SP 签名便笺，Ed25519）中的树根比对。

注意：哈希一致只说明“自记入账本之时起未被改动”，不说明内容真实。


Yunting case bundle
===================

This archive proves offline, without the court's server, that nothing in it was changed.

To verify:
  1. Get the yunting program from a source you trust and run:  yunting verify THIS-FILE.zip
  2. Compare the ledger key ("key" in manifest.json) with the one that the court publishes, then run:
         yunting verify --key KEY THIS-FILE.zip
     Without that comparison the archive is shown to be consistent, not which court signed it.
  3. If a single byte was changed, verification fails and names the file.

Contents:
  manifest.json          list of all files (size, SHA-256)
  seal.json              proof that the ledger holds the manifest's hash
  entries/NNNN.json      docket entries in order
  proofs/NNNN.json       proof that the ledger holds each entry
  files/SHA-256/NAME     files that belong to the entries

Without yunting: leaf hash = SHA-256(0x00 || salt || SHA-256(bytes of the entry)); compute the root with the
hashes in proofs as RFC 6962 section 2.1.1 says, and compare it with the root in the checkpoint, a C2SP signed
note (Ed25519).

A matching hash says "unaltered since it was recorded", never "true".
`
