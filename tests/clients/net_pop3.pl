#!/usr/bin/perl
# Perl's Net::POP3 with IO::Socket::SSL.
#
# Stores each message with CRLF, as it came.
use strict;
use warnings;
use Net::POP3;

my %tls = (SSL_ca_file => $ENV{POP3_CA}, SSL_verify_mode => 1,
           SSL_verifycn_name => $ENV{POP3_HOST});
my $implicit = $ENV{POP3_TLS} eq 'implicit';
my $pop = Net::POP3->new($ENV{POP3_HOST}, Port => $ENV{POP3_PORT},
                         Timeout => 30, SSL => $implicit, %tls)
    or die "connect: $@";
$implicit or $pop->starttls(%tls) or die 'STLS: ' . $pop->message;
defined $pop->login($ENV{POP3_USER}, $ENV{POP3_PASSWORD})
    or die 'login: ' . $pop->message;

mkdir 'messages' or die "messages: $!";
my $list = $pop->list or die 'LIST: ' . $pop->message;
for my $number (sort { $a <=> $b } keys %$list) {
    my $lines = $pop->get($number) or die "RETR $number: " . $pop->message;
    open my $file, '>:raw', "messages/$number" or die "messages/$number: $!";
    print $file @$lines;
    close $file or die "messages/$number: $!";
    $pop->delete($number) or die "DELE $number: " . $pop->message;
}
$pop->quit or die 'QUIT: ' . $pop->message;
