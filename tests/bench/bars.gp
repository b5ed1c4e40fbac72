# bars.gp - horizontal bars, one a row, with the spread of the runs.
#
# Called by plot.py, which sets: datafile, outfile, caption, axis, count, low
# (0, or where a logarithmic axis begins) and high.
# Rows of datafile: place "label" minimum median maximum color "value"
#
# No background, and ink that can be read on a white page and on a black one.

ink = "#7b828a"
set terminal svg size 760,(120 + 27 * count) dynamic font "sans-serif,14"
set output outfile
set title caption textcolor rgb ink
set xlabel axis textcolor rgb ink
set border 1 linecolor rgb ink
set xtics nomirror textcolor rgb ink
set ytics scale 0 textcolor rgb ink
set grid xtics linecolor rgb ink linewidth 0.3
set lmargin 28
unset key
if (low > 0) set logscale x
set xrange [low:high]
set yrange [count - 0.4:-0.6]
set style fill solid noborder

plot datafile using 4:1:(low):4:($1 - 0.33):($1 + 0.33):6:ytic(2) \
         with boxxyerror linecolor rgb variable, \
     "" using 4:1:3:5 with xerrorbars pointtype 0 linecolor rgb ink, \
     "" using 5:1:7 with labels left offset 1,0 textcolor rgb ink
