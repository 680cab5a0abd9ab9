-- Databricks notebook source
-- MAGIC %md
-- MAGIC # Daily demand
-- MAGIC
-- MAGIC Rides per day next to the weather of that day. The forecast and the rain report read the view made here.

-- COMMAND ----------

-- DBTITLE 1,Rides and weather per day
CREATE OR REPLACE VIEW bikes.daily_demand AS
SELECT
  w.day,
  dayofweek(w.day) IN (1, 7) AS weekend,
  w.temperature_c,
  w.rain_mm,
  count(r.ride_id) AS rides,
  count_if(r.member) AS member_rides
FROM bikes.weather AS w
LEFT JOIN bikes.rides AS r ON to_date(r.started_at) = w.day
GROUP BY ALL

-- COMMAND ----------

-- DBTITLE 1,Working days against weekends
SELECT weekend, count(*) AS days, round(avg(rides), 1) AS rides_per_day
FROM bikes.daily_demand
GROUP BY weekend
ORDER BY weekend
