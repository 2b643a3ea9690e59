"""Transfer learning: backbones, augmentation, two phases of training that can stop and go on."""
