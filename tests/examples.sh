#!/usr/bin/env bash
# Runs an example in a folder of its own and checks what it prints.  Usage: examples.sh NAME PROGRAM WORK
set -euo pipefail
name=$1 program=$2 work=$3
rm -rf "$work"
mkdir -p "$work"
cd "$work"
"$program" > out
cat out
# check WHAT AWK-PROGRAM: fails unless the program, which sees what was printed, leaves ok at 1.
check() { awk "$2 END { exit !ok }" out || { echo "wrong: $1"; exit 1; }; }

case $name in
  quickstart) check "the log-probability lies in its error bar and is better than -120 nats" \
    '/^test log-probability/ { gsub(/[][,]/, " "); ok = $5 < $3 && $3 < $6 && $3 > -120 && $3 < 0 }' ;;
  static_training) check "the machine is better than fair coins, -11.09, and no better than -3.401" \
    '/^mean log-probability/ { ok = $3 > -4.5 && $3 <= -3.401 }'
    check "early stopping ends the training" '/^[0-9]+ epochs, early_stopping/ { ok = $1 < 4000 }'
    [ "$(($(wc -l < static_training.csv) - 1))" = "$(awk 'NR == 1 {print $1}' out)" ] ;;
  runtime_training) check "the callbacks of the configuration are called" \
    '/^on_epoch_end .*pseudo_likelihood.*early_stopping.*csv_logger/ { ok = 1 }'
    [ -s runtime_training/weights.h5 ] && head -n 1 runtime_training/history.csv | grep val_pslike
    printf '[[callbacks]]\ntype = "early_stoping"\n' > wrong.toml
    status=0
    "$program" wrong.toml 2> err || status=$?
    cat err
    [ $status = 2 ] && grep "wrong.toml:.*did you mean 'early_stopping'" err ;;
  custom_callback) check "it stops at the first epoch with 45 used units" \
    '/used_units/ { if ($NF >= 45) ++enough } /^[0-9]+ of 30 epochs: .*it is enough/ { ok = enough == 1 && $1 < 30 }' ;;
  ais_convergence) check "with 10,000 betas both ends are within 0.2 nats of the exact log Z, which the error bar holds" \
    'function near(x) { return x - exact < 0.2 && exact - x < 0.2 }
     /^exact/ { exact = $5 }
     $1 == 10000 { gsub(/[][,]/, " "); ok = near($2) && near($5) && $3 <= exact && exact <= $4 && $7 == "yes" }'
    check "with 10 betas it is not to be trusted" '$1 == 10 { ok = $NF == "no" }' ;;
  dbm_pretraining) check "pretraining gains more than the error bars" \
    '/^without/ { gsub(/[][,]/, " "); high = $NF } /^with / { gsub(/[][,]/, " "); ok = $(NF - 1) > high }' ;;
  missing_pixels) check "the machine knows more than base rates" \
    '/base rates/ { rates = $NF } /machine/ { ok = $NF > 0 && $NF < 0.95 * rates }'
    [ -s missing_pixels.png ] ;;
  *) echo "no checks for $name"; exit 1 ;;
esac
