# A bucket for the second copy, who may do what with it, and nothing else.
#
#   terraform apply -var bucket=evidence-copy -var region=eu-central-1 \
#     -var administrator_arn=arn:aws:iam::123456789012:role/storage-admin
#
# A bucket with locked objects cannot be destroyed before their locks are over: `terraform destroy` fails, as it must.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "bucket" {
  type = string
}

variable "region" {
  type = string
}

variable "prefix" {
  type        = string
  default     = ""
  description = "As given to `strongroom target add --prefix`: empty, or with a slash at its end."
}

variable "administrator_arn" {
  type        = string
  description = "The role that runs Terraform; nobody else may change the bucket's set-up from then on."
}

variable "kms_key_arn" {
  type        = string
  default     = ""
  description = "As given to `strongroom target add --kms-key`; empty: S3's own keys (SSE-S3)."
}

provider "aws" {
  region = var.region
}

locals {
  names = {
    bucket            = var.bucket
    prefix            = var.prefix
    region            = var.region
    kms_key_arn       = var.kms_key_arn
    administrator_arn = var.administrator_arn
    writer_arn        = aws_iam_user.writer.arn
    retention_arn     = aws_iam_user.retention.arn
  }
}

# Object Lock is chosen when a bucket is made; versioning comes with it. There is no default retention: Strongroom gives
# every object its own lock, and refuses a bucket that would add another.
resource "aws_s3_bucket" "copy" {
  bucket              = var.bucket
  object_lock_enabled = true
  force_destroy       = false

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_versioning" "copy" {
  bucket = aws_s3_bucket.copy.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_public_access_block" "copy" {
  bucket                  = aws_s3_bucket.copy.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "copy" {
  bucket = aws_s3_bucket.copy.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

# The two rules of lifecycle.json. No rule may expire what stands under packs/, payloads/, journal/ or log/tile/.
resource "aws_s3_bucket_lifecycle_configuration" "copy" {
  bucket     = aws_s3_bucket.copy.id
  depends_on = [aws_s3_bucket_versioning.copy]

  rule {
    id     = "uploads-that-were-begun-and-left"
    status = "Enabled"

    filter {
      prefix = var.prefix
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  rule {
    id     = "older-checkpoints"
    status = "Enabled"

    filter {
      prefix = "${var.prefix}log/checkpoint"
    }

    noncurrent_version_expiration {
      noncurrent_days = 30
    }
  }
}

# Users, for a server outside of Amazon; inside use roles with the same policies, and their ARNs below.
resource "aws_iam_user" "writer" {
  name = "${var.bucket}-writer"
}

resource "aws_iam_user" "retention" {
  name = "${var.bucket}-retention"
}

resource "aws_iam_user_policy" "writer" {
  name   = "strongroom-writer"
  user   = aws_iam_user.writer.name
  policy = templatefile("${path.module}/writer-policy.json", local.names)
}

resource "aws_iam_user_policy" "writer_kms" {
  count  = var.kms_key_arn == "" ? 0 : 1
  name   = "strongroom-writer-kms"
  user   = aws_iam_user.writer.name
  policy = templatefile("${path.module}/writer-kms-policy.json", local.names)
}

resource "aws_iam_user_policy" "retention" {
  name   = "strongroom-retention"
  user   = aws_iam_user.retention.name
  policy = templatefile("${path.module}/retention-policy.json", local.names)
}

# Last: from here on only the administrator changes the bucket.
resource "aws_s3_bucket_policy" "copy" {
  bucket = aws_s3_bucket.copy.id
  policy = templatefile("${path.module}/bucket-policy.json", local.names)

  depends_on = [
    aws_s3_bucket_lifecycle_configuration.copy,
    aws_s3_bucket_ownership_controls.copy,
    aws_s3_bucket_public_access_block.copy,
    aws_s3_bucket_versioning.copy,
  ]
}
